import { SottoError } from '../errors/index.ts';
import { trainedLayout, trainedRanges, type LocalTraining } from '../model/index.ts';
import { layoutLength } from '../vector/index.ts';
import { withClipBit } from './adaptive-clip.ts';
import { perturbation } from './adversarial-rows.ts';
import { augmentationOf } from './augmentation-of.ts';
import type { Query, QueryContext } from './query.ts';
import type { UpdateQuery } from './training-query-schema.ts';

/**
 * FedAvg and FedProx: how far the client's weights moved in some local epochs. McMahan et al. 2017, Algorithm 1.
 *
 * What the vector is: new weights minus published weights of the layers that are trained, in the order of the model's layout; one vector
 * for the client.
 *
 * Sensitivity (soundness.md §4): unit = client: L2 `clipNormL2`, because the whole delta is clipped once and a client adds
 * nothing else. Unsound at unit = record: after the first local step one record's influence runs through every later step
 * and is no clipped summand, so the plan's check refuses it by name.
 *
 * With adversarial training the local steps are on rows that were moved against the weights as they then are; the delta is clipped as
 * ever, and whatever the steps were is nothing to its bound.
 *
 * What is made of it: the noisy sum divided by the number of survivors, which is public. Clients weigh the same, because a
 * weight by the number of rows would be a count that leaves the device. Where each client tosses a coin of its own, the
 * denominator is the plan's constant rate × clients: how many coins said yes is a secret. Where each makes one in turn, it is
 * clients / turns.
 *
 * With adaptive clipping the vector is the delta in units of the round's bound, and one coordinate more that tells whether the
 * delta was within it (`adaptive-clip.ts`): L2 1 for both together. The bound scales what goes in and what comes out and is no part of
 * the sensitivity, so a coordinator that publishes another one spoils the model and nothing else.
 */
export const update: Query = {
  name: 'update',
  units: ['client'],
  layout: (context) => {
    const model = trainedLayout(context.topology, context.inputs);
    return context.clipBit === null ? model : [...model, { name: 'clip bit', length: 1 }];
  },
  clipNormL2: (context) => (context.clipBit === null ? updateSettings(context).clipNormL2 : 1),
  contribute: async ({ context, batch, model, weights, clipNormL2, seed }, emit) => {
    if (batch.units === 0) return;
    const { localEpochs, batchSize, learningRate, proximal, adversarial } = updateSettings(context);
    const settings: LocalTraining = {
      epochs: localEpochs,
      batchSize,
      learningRate,
      proximal,
      augmentation: augmentationOf(context),
      ...(adversarial === undefined
        ? {}
        : { adversarial: { clean: adversarial.clean, perturb: perturbation(context, adversarial) } }),
    };
    const trained = await model.train(batch, settings, seed);
    if (trained.length !== weights.length) {
      throw new SottoError('INTERNAL', `query update: ${weights.length} weights went in, ${trained.length} came out`);
    }
    const delta = new Float64Array(layoutLength(trainedLayout(context.topology, context.inputs)));
    for (const { offset, trainedOffset, length } of trainedRanges(context.topology, context.inputs)) {
      for (let i = 0; i < length; i++) delta[trainedOffset + i] = trained[offset + i]! - weights[offset + i]!;
    }
    if (context.clipBit === null) return emit(delta);
    if (clipNormL2 === null) throw new SottoError('INTERNAL', 'query update: the session has no bound to clip to');
    emit(withClipBit(delta, context.clipBit, clipNormL2));
  },
};

/** The plan's settings of the query. @throws {INTERNAL} when the plan trains by another. */
export function updateSettings(context: QueryContext): UpdateQuery {
  if (context.training.kind !== 'update') {
    throw new SottoError('INTERNAL', `query update: the plan trains by ${context.training.kind}`);
  }
  return context.training;
}
