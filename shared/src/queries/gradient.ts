import { SottoError } from '../errors/index.ts';
import { augmenter, trainedLayout, unitGradients } from '../model/index.ts';
import { layoutLength } from '../vector/index.ts';
import { adversarialBatch } from './adversarial-rows.ts';
import { augmentationOf } from './augmentation-of.ts';
import type { Query, QueryContext } from './query.ts';
import { clipByWeight, weightedTraces, weightsOfRows } from './row-weights.ts';
import type { GradientQuery } from './training-query-schema.ts';

/**
 * Joint DP-SGD: one step's gradient of the loss at the round's published weights.
 *
 * What the vector is: for each unit (a patient) that the secret coin chose, the gradient by the layers that are trained, summed over
 * the unit's rows, in the order of the model's layout. The door clips each unit's whole sum to `clipNormL2`, so how many rows a unit has is irrelevant.
 *
 * Sensitivity (soundness.md §2.1, §2.4, §4): unit = record: L2 `clipNormL2`, because a unit adds one clipped vector to the sum
 * and changes nobody else's: the weights are the published ones, and nothing is kept from one round to the next.
 * With adversarial training the gradient is of rows that were moved first, and perhaps of the rows as they are too: the same holds, for
 * how a row is moved follows from the row, the published weights and the plan (`adversarial-rows.ts`), and the whole sum is clipped once.
 * Noise on the inputs is drawn for each row by itself, like dropout's masks: a unit's vector is a function of its own rows and draws.
 * Mixup would make it one of other units' rows, and the plan's check refuses it.
 * Not offered at unit = client, where `update` is.
 *
 * Weights of rows (reweighing, class weights) are constants of the plan by a row's own columns and label. A row's gradient is multiplied by
 * its weight before the unit's rows are summed, and the unit's vector is shortened to a part of the bound as large as its weight, so that weights
 * outlive clipping. The door clips what comes of it like any vector: weights change what the vector is and not how large it may be, and
 * nothing of a unit reaches another's vector.
 *
 * What is made of it: the noisy sum over all clients, divided by the plan's constant `expectedBatch`, never by a true count.
 */
export const gradient: Query = {
  name: 'gradient',
  units: ['record'],
  layout: (context) => trainedLayout(context.topology, context.inputs),
  clipNormL2: (context) => gradientSettings(context).clipNormL2,
  contribute: async ({ context, batch, model, weights, seed }, emit) => {
    if (batch.units === 0) return;
    const dimension = layoutLength(trainedLayout(context.topology, context.inputs));
    const { adversarial, clipNormL2 } = gradientSettings(context);
    const noisy = { ...batch, ...augmenter(augmentationOf(context), seed)?.(batch) };
    const learned = adversarial === undefined ? noisy : await adversarialBatch(context, adversarial, noisy, weights);
    const traces = await model.traces(learned, seed);
    if (context.weights === undefined) return unitGradients(traces, dimension, learned, emit);
    // By the rows as they are; where each is learned moved as well, a unit's moved rows follow its own.
    const { ofRow, largest } = weightsOfRows(context.columns, context.classes, context.weights, batch);
    const ofLearned = learned.rows === batch.rows ? ofRow : twiceByUnit(ofRow, batch.rowOffsets);
    let unit = 0;
    unitGradients(weightedTraces(traces, ofLearned), dimension, learned, (vector) => {
      const own = ofRow.subarray(batch.rowOffsets[unit], batch.rowOffsets[unit + 1]);
      const meanWeight = own.length === 0 ? 0 : own.reduce((sum, weight) => sum + weight, 0) / own.length;
      clipByWeight(vector, meanWeight, largest, clipNormL2);
      emit(vector);
      unit += 1;
    });
  },
};

/** Each unit's values, and once more. */
function twiceByUnit(values: Float32Array, offsets: Uint32Array): Float32Array {
  const twice = new Float32Array(2 * values.length);
  for (let unit = 0; unit + 1 < offsets.length; unit++) {
    const [first, end] = [offsets[unit]!, offsets[unit + 1]!];
    const own = values.subarray(first, end);
    twice.set(own, 2 * first);
    twice.set(own, first + end);
  }
  return twice;
}

/** The plan's settings of the query. @throws {INTERNAL} when the plan trains by another. */
export function gradientSettings(context: QueryContext): GradientQuery {
  if (context.training.kind !== 'gradient') {
    throw new SottoError('INTERNAL', `query gradient: the plan trains by ${context.training.kind}`);
  }
  return context.training;
}
