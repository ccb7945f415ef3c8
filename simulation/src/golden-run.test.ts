import { replayRun } from '@sotto/coordinator/runs';
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
const golden = [
  {
    name: 'records in a calm world',
    plan: {},
    faults: noFaults,
    modelHash: 'cc44d97a9bcfbafa9f1d253592ca5e91196f9afdd557d23d10e6d0912098ed1f',
  },
  {
    name: 'records in a rough world',
    plan: {},
    faults: rough,
    modelHash: '54c5d401ad75eebc339b61039a2482e570e31d4f2778cb4716a3186ee61859c5',
  },
  {
    name: 'clients that train by themselves',
    plan: { unit: 'client' },
    faults: noFaults,
    modelHash: '844be3febd23560f93b1347b2c30d1d4f35f7b8c11f9bcf72368f6305731c2df',
  },
] as const;

describe('a golden run', () => {
  it.each(golden)('of $name ends with the committed model, and replays to it', async ({ plan, faults, modelHash }) => {
    const result = await runScenario({ ...scenario, plan: { ...scenario.plan, ...plan } }, { faults });
    expect(result.violations).toEqual([]);
    expect(result.status).toMatchObject({ state: 'finished', reason: null });
    expect(result.status.modelHash).toBe(modelHash);
    expect((await replayRun(result.store, result.blobs, result.runId)).modelHash).toBe(modelHash);
  });
});
