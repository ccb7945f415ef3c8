import { SottoError } from '../errors/index.ts';
import { predictedClass } from '../metrics/index.ts';
import { log, type UnitBatch } from '../model/index.ts';
import { layoutLength, type Segment } from '../vector/index.ts';
import type { Query, QueryContext } from './query.ts';

/**
 * How well the round's published model does on some units: counts and a clipped loss. Of units that it was not trained on (slot
 * `evaluation`), and of those that it was (slot `fit`).
 *
 * What the vector is, for one row:
 * - target binary or classes, detail `accuracy`: [1 if predicted right, 1 if wrong, loss / lossMax];
 * - detail `confusion`: one 1 in a K × K table (row: true class, column: predicted class), and loss / lossMax;
 * - target number: [1, squared error / lossMax], in the target's scaled units.
 * The loss is the cross-entropy or squared error, clipped to [0, lossMax]. A unit's vector is the mean of its rows' vectors;
 * at unit = client, the client's is the mean of its units' vectors.
 *
 * Sensitivity (soundness.md §4: a one-hot vector has norm 1, a loss its bound, both in one vector a joint norm): a row's vector
 * is a one-hot vector and a number in [0, 1], L2 ≤ √2; a mean of vectors in a ball stays in it. So unit = record: √2, unit =
 * client: √2 (the figures are then means over clients). Each unit's own count is 1, so the denominator is a noisy sum
 * as well and no true count leaves.
 *
 * Where the plan holds clients out, the vector has the same segments twice, first for clients that train and then for those that do
 * not. A client is one or the other by the plan, so each of its units' vectors has one half and zeros in the other: the norm is that of
 * the half, and one event pays for both figures.
 *
 * All units of the part are read, without a coin. Loss and counts ride in one vector, so they are one event.
 */
export const evaluation: Query = {
  name: 'evaluation',
  units: ['record', 'client'],
  layout: (context) => evaluationLayout(context),
  clipNormL2: () => Math.SQRT2,
  contribute: async ({ context, batch, model }, emit) => {
    if (batch.units === 0) return;
    const outputs = await model.predict(batch.inputs, batch.rows);
    const length = figuresLength(context);
    const vector = new Float64Array(context.heldOut === undefined ? length : 2 * length);
    const own = context.heldOut?.self === true ? vector.subarray(length) : vector.subarray(0, length);
    if (context.unit === 'client') {
      for (let unit = 0; unit < batch.units; unit++) addUnit(context, batch, outputs, unit, 1 / batch.units, own);
      emit(vector);
      return;
    }
    for (let unit = 0; unit < batch.units; unit++) {
      vector.fill(0);
      addUnit(context, batch, outputs, unit, 1, own);
      emit(vector);
    }
  },
};

/** The plan's settings of the query. @throws {INTERNAL} when the plan has no evaluation. */
export function evaluationSettings(context: QueryContext): { detail: 'accuracy' | 'confusion'; lossMax: number } {
  if (context.evaluation === null) throw new SottoError('INTERNAL', 'query evaluation: the plan has no evaluation');
  return context.evaluation;
}

/** Number of classes of the context's target. @throws {INTERNAL} for a number. */
export function classCount(context: QueryContext): number {
  if (context.target === 'number') throw new SottoError('INTERNAL', 'query evaluation: a number has no classes');
  return context.target === 'binary' ? 2 : context.outputs;
}

function evaluationLayout(context: QueryContext): readonly Segment[] {
  const figures = figuresLayout(context);
  if (context.heldOut === undefined) return figures;
  return [...figures, ...figures.map(({ name, length }) => ({ name: `unseen/${name}`, length }))];
}

/** Coordinates of one set of figures. */
export function figuresLength(context: QueryContext): number {
  return layoutLength(figuresLayout(context));
}

function figuresLayout(context: QueryContext): readonly Segment[] {
  const loss = { name: 'loss', length: 1 };
  if (context.target === 'number') return [{ name: 'count', length: 1 }, loss];
  if (evaluationSettings(context).detail === 'accuracy') {
    return [{ name: 'correct', length: 1 }, { name: 'incorrect', length: 1 }, loss];
  }
  return [{ name: 'confusion', length: classCount(context) ** 2 }, loss];
}

/** Adds the mean of a unit's row vectors, times a weight; a unit without rows adds nothing. */
function addUnit(
  context: QueryContext,
  batch: UnitBatch,
  outputs: Float32Array,
  unit: number,
  weight: number,
  vector: Float64Array,
): void {
  const { detail, lossMax } = evaluationSettings(context);
  const first = batch.rowOffsets[unit]!;
  const last = batch.rowOffsets[unit + 1]!;
  const share = weight / (last - first);
  for (let row = first; row < last; row++) {
    const target = batch.targets[row]!;
    const loss = rowLoss(context, outputs, row, target);
    // A loss that is no number makes the unit's vector no vector: the door counts the unit as zero and nobody is told.
    vector[vector.length - 1]! += (share * Math.min(lossMax, loss)) / lossMax;
    if (context.target === 'number') {
      vector[0]! += share;
      continue;
    }
    const predicted = predictedClass(outputs, row, context.outputs);
    if (detail === 'accuracy') vector[predicted === target ? 0 : 1]! += share;
    else vector[target * classCount(context) + predicted]! += share;
  }
}

/** Cross-entropy of the row's true class, or its squared error: at least 0, possibly infinite. */
export function rowLoss(context: QueryContext, outputs: Float32Array, row: number, target: number): number {
  if (context.target === 'number') return (outputs[row]! - target) ** 2;
  if (context.target === 'classes') return -log(outputs[row * context.outputs + target]!);
  return -log(target === 1 ? outputs[row]! : 1 - outputs[row]!);
}
