import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { referenceModel, type UnitBatch } from '@sotto/shared/model';
import { inputWidth } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { createSeededRandom } from '@sotto/shared/random';
import { expect, it } from 'vitest';
import { contributeInPlace } from './contribute-in-place.ts';

const plan = examplePlan({
  clients: 3,
  unit: 'client',
  privacy: 'none',
  evaluateEvery: null,
  overrides: {
    training: {
      query: {
        kind: 'update',
        clipNormL2: 1,
        localEpochs: 1,
        batchSize: 8,
        learningRate: 0.1,
        sampling: { kind: 'banded', bands: 3, maxParticipations: 2 },
      },
      strategy: { kind: 'fedAvg' },
      rounds: 6,
    },
  },
});
const units: UnitBatch = {
  units: 1,
  rowOffsets: Uint32Array.of(0, 1),
  rows: 1,
  inputs: new Float32Array(13).fill(1),
  features: 13,
  targets: Float32Array.of(1),
};

/** The process of a client; each has a memory of its own. */
function processOf(place: number) {
  const contributor = contributeInPlace(
    {
      data: { schema: plan.schema, unitsOf: () => units },
      createModel: async () => referenceModel(plan.topology, inputWidth(plan.schema), plan.loss),
      crypto: createNodeCrypto(),
      random: createSeededRandom(`process ${place}`),
      allowInsecureRandom: true,
    },
    plan,
    plan.roster.clients[place]!.client,
  );
  return {
    inRound: async (round: number, weight = 0) => [
      ...(await contributor.contribute({ slots: ['training'], round, noise: null }, new Float32Array(14).fill(weight))),
    ],
  };
}

const zeros = Array.from({ length: 14 }, () => 0);

it('an update is made in turn and sent again, smaller each time, whatever the model has become', async () => {
  const first = processOf(0);
  const update = await first.inRound(1);
  expect(update.some((value) => value !== 0)).toBe(true);
  expect(await first.inRound(2, 0.5)).toEqual(update.map((value) => Math.trunc(value / 2)));
  expect(await first.inRound(3, 0.7)).toEqual(update.map((value) => Math.trunc(value * 0.375)));
  expect(await first.inRound(4, 0.7)).not.toEqual(update);
  expect(await processOf(1).inRound(1)).toEqual(zeros);
});

it('an attempt that is repeated makes the update again, and the last one made is sent again', async () => {
  const first = processOf(0);
  await first.inRound(1);
  const repeated = await first.inRound(1);
  expect(await first.inRound(2)).toEqual(repeated.map((value) => Math.trunc(value / 2)));
});

it('after a restart nothing of an earlier update is left to send', async () => {
  await processOf(0).inRound(1);
  const restarted = processOf(0);
  expect(await restarted.inRound(2)).toEqual(zeros);
  expect(await restarted.inRound(3)).toEqual(zeros);
  expect(await restarted.inRound(4)).not.toEqual(zeros);
});
