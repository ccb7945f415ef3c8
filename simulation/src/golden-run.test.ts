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
    modelHash: 'f4040643a8bcb616295d557495e67c9270f514ffb26ca665f1b1c566ff9e1a57',
  },
  {
    name: 'records in a rough world',
    plan: {},
    faults: rough,
    modelHash: 'c1b6c9501f8a0edd352c86b25579c9cd9baf685ac439dbda762e9b066f8e647d',
  },
  {
    name: 'clients that train by themselves',
    plan: { unit: 'client' },
    faults: noFaults,
    modelHash: '176afc7588f3e78bdcdf70047a64d32d3a8bb02aa3e793e825fd9a7cfbeae098',
  },
  {
    name: 'clients with adaptive clipping',
    plan: updates({ clipNormL2: 0.1, adaptiveClip: { clippedCountStddev: 20 } }),
    faults: noFaults,
    modelHash: '1618c010d97ae1b3782c30eb1b6faa2ebf7509bba703d4ff627ab2aea4ac6729',
  },
  {
    name: 'clients with coins of their own',
    plan: updates({ sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } }),
    faults: noFaults,
    modelHash: '35830f64591dd1ee3da1f0830b79f4bd80393efef0399cf6a032e51e55088152',
  },
  {
    name: 'clients in turn',
    plan: updates({ sampling: { kind: 'banded', bands: 2, maxParticipations: 2 } }),
    faults: noFaults,
    modelHash: 'cca47a94d3eec972b39695f00d89e07fc373fef82afc46c729cb310da2072160',
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
