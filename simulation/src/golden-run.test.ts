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
    modelHash: '65371264c1b84454fbad05485a5b96a58fc8292c964e094456e73c2379b80106',
  },
  {
    name: 'records in a rough world',
    plan: {},
    faults: rough,
    modelHash: '54d61b9486af4cb5445f08777d5af52202e0ed3966eb695c6e5f79fa2e74330d',
  },
  {
    name: 'clients that train by themselves',
    plan: { unit: 'client' },
    faults: noFaults,
    modelHash: '4dfc3959782870089bc4af8c4d91c61e0602f85f70d49a4349ab53077af39644',
  },
  {
    name: 'clients with adaptive clipping',
    plan: updates({ clipNormL2: 0.1, adaptiveClip: { clippedCountStddev: 20 } }),
    faults: noFaults,
    modelHash: '0221ce2c0a39984bfdfdd1932115b8f29dcdcee2ccbee6cfa48f7b73388f4db1',
  },
  {
    name: 'clients with coins of their own',
    plan: updates({ sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } }),
    faults: noFaults,
    modelHash: 'eb91186d7252d226ebf91fa8d22eabc4a7b50188fdcbdf8700ee3d867fc2a383',
  },
  {
    name: 'clients in turn',
    plan: updates({ sampling: { kind: 'banded', bands: 2, maxParticipations: 2 } }),
    faults: noFaults,
    modelHash: '449e0a2870e609ce8f7ebe84a40b28988ec5577da69fc4359a05dfbd6d3e4b5f',
  },
  {
    name: 'clients with all of the noise each',
    plan: { trust: 'local' },
    faults: noFaults,
    modelHash: '1538cbe762d349843a5b0e93da3e58d0f26472fbfaf9c40baf9f0a7dd7dbd9e3',
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
