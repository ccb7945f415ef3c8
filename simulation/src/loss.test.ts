import { runEventSchema } from '@sotto/coordinator/runs';
import { describe, expect, it } from 'vitest';
import { noFaults, type FaultRates } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

const scenario: Scenario = {
  seed: '',
  clients: 5,
  plan: { rounds: 3, evaluateEvery: 1, spareAttempts: 0, minSurvivors: 5, overrides: { suite: 'x25519' } },
  liars: new Map(),
};

const worlds: readonly (readonly [string, Partial<FaultRates>])[] = [
  [
    'requests, replies and repetitions that are lost or come late',
    { requestLost: 0.2, replyLost: 0.2, duplicated: 0.3 },
  ],
  ['lines that break and come back', { lineBreaks: 0.05 }],
  ['slow clients', { trainingMaxMs: 60_000 }],
];

describe('a network that fails for moments', () => {
  it.each(worlds)('costs nothing but time: %s', async (_, rates) => {
    for (let number = 0; number < 4; number++) {
      const seed = `moments ${number}`;
      const faults = { ...noFaults, delayMaxMs: 500, ...rates };
      const result = await runScenario({ ...scenario, seed }, { faults });
      expect(result, seed).toMatchObject({ violations: [], releasesChecked: 4 });
      expect(result.status, seed).toMatchObject({ state: 'finished', reason: null, failedAttempts: 0 });
      for (const text of await result.store.events(result.runId)) {
        const event = runEventSchema.parse(JSON.parse(text));
        if (event.type === 'released') expect(event.survivors, seed).toHaveLength(5);
      }
    }
  });
});
