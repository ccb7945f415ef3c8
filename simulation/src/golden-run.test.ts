import { replayRun } from '@sotto/coordinator/runs';
import type { PlanInput } from '@sotto/shared/plan';
import { describe, expect, it } from 'vitest';
import { noFaults, type FaultRates } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

/*
 * One seed, one model, bit for bit, on every engine: training, clipping, noise, masks, strategy and schedule use nothing that
 * ECMAScript leaves to the implementation. A changed hash means that plans, streams of randomness, arithmetic or the order of
 * messages changed. If that was meant, take the new hash over; recorded runs of the older version then replay with that version.
 */
const scenario: Scenario = {
  seed: 'golden',
  clients: 5,
  plan: { rounds: 3, evaluateEvery: 1, spareAttempts: 2, minSurvivors: 4 },
  liars: new Map(),
};
// No crashes: where they fall depends on how often the coordinator reads its store, which is nobody's promise.
const rough: FaultRates = {
  ...noFaults,
  requestLost: 0.1,
  replyLost: 0.1,
  duplicated: 0.2,
  lineBreaks: 0.02,
  delayMaxMs: 1_000,
  trainingMaxMs: 20_000,
};
function updates(query: Partial<Extract<PlanInput['training']['query'], { kind: 'update' }>>): Scenario['plan'] {
  return {
    unit: 'client',
    overrides: {
      training: {
        query: { kind: 'update', clipNormL2: 1, localEpochs: 2, batchSize: 16, learningRate: 0.1, ...query },
        strategy: { kind: 'fedAvg' },
        rounds: 4,
        paceMs: 20,
        noiseMultiplier: 16,
      },
    },
  };
}
const golden: readonly { name: string; plan: Scenario['plan']; faults: FaultRates; modelHash: string }[] = [
  {
    name: 'records in a calm world',
    plan: {},
    faults: noFaults,
    modelHash: '3d33ba10654be5f7ff25a616ba4f9857e23a9cc3fc60279f1b82602a648e4b2c',
  },
  {
    name: 'records in a rough world',
    plan: {},
    faults: rough,
    modelHash: 'ce384ed6d04e8e7d92a81bf307baa9810ee614596d35a6eb951bcaebb15873bc',
  },
  {
    name: 'clients that train by themselves',
    plan: { unit: 'client' },
    faults: noFaults,
    modelHash: '19a5882b8cc84787f229bff2fe69b1c2729a7ca66c5735b10fd558ea2138382c',
  },
  {
    name: 'clients with adaptive clipping',
    plan: updates({ clipNormL2: 0.1, adaptiveClip: { clippedCountStddev: 20 } }),
    faults: noFaults,
    modelHash: 'ede9677a8400dac79d13d0b6720f17d785e7fb853185d45fe056257c2bf17607',
  },
  {
    name: 'clients with coins of their own',
    plan: updates({ sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } }),
    faults: noFaults,
    modelHash: '9c519fd64fc2a15e992c92c3762f871e1fbec06d31226319fb73ddf5d4f4c4f1',
  },
  {
    name: 'clients in turn',
    plan: updates({ sampling: { kind: 'banded', bands: 2, maxParticipations: 2 } }),
    faults: noFaults,
    modelHash: 'd127623fc46beb16c3fb13a1ca6122c34204ebb1d43c4bad35f53eee6b830a44',
  },
  {
    name: 'clients with all of the noise each',
    plan: { trust: 'local' },
    faults: noFaults,
    modelHash: '03247518c523c1f7205127627de09a89b67690b827696e442ba083804cb5f101',
  },
];

describe('a golden run', () => {
  it.each(golden)('of $name ends with the committed model, and replays to it', async ({ plan, faults, modelHash }) => {
    const result = await runScenario({ ...scenario, plan: { ...scenario.plan, ...plan } }, { faults });
    expect(result.violations).toEqual([]);
    expect(result.status).toMatchObject({ state: 'finished', reason: null });
    expect(result.status.modelHash).toBe(modelHash);
    expect((await replayRun(result.store, result.blobs, result.runId)).modelHash).toBe(modelHash);
  });
});
