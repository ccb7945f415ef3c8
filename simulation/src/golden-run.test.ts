import { replayRun } from '@sotto/coordinator/runs';
import { describe, expect, it } from 'vitest';
import { noFaults, randomRates } from './faults.ts';
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
const golden = [
  {
    name: 'records in a calm world',
    plan: {},
    faults: noFaults,
    modelHash: '65371264c1b84454fbad05485a5b96a58fc8292c964e094456e73c2379b80106',
  },
  {
    name: 'records in a rough world',
    plan: {},
    faults: randomRates('golden'),
    modelHash: 'e9e74bd7e4f4babbfc1b4f8b0563246b19bfa52211537ce06413115adc337288',
  },
  {
    name: 'clients that train by themselves',
    plan: { unit: 'client' },
    faults: noFaults,
    modelHash: '4dfc3959782870089bc4af8c4d91c61e0602f85f70d49a4349ab53077af39644',
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
