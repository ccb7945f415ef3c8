import { runEventSchema, transcriptEntrySchema } from '@sotto/coordinator/runs';
import { describe, expect, it } from 'vitest';
import { noFaults } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

/** Seven clients, two of whom may drop out: layers for 7, 6 and 5 survivors. */
const scenario: Scenario = {
  seed: 'noise in layers',
  clients: 7,
  plan: { rounds: 3, evaluateEvery: 1, spareAttempts: 2, minSurvivors: 5 },
  liars: new Map(),
};

describe('a run whose noise is taken out as far as its survivors do not need it', () => {
  it('tells with each release how many were there and who kept all noise, and releases that much, bit for bit', async () => {
    const result = await runScenario(
      { ...scenario, liars: new Map([['client 3', { lie: 'falseNoiseKey', times: 1 }]]) },
      { faults: noFaults },
    );
    // Among them: every released sum is the survivors' own, less what they drew of the layers that are said to be gone.
    expect(result.violations).toEqual([]);
    expect(result.status.state).toBe('finished');
    const { plan, store, runId } = result;
    const liar = plan.roster.clients.find(({ name }) => name === 'client 3')!.client;
    const told = (await store.transcript(runId)).flatMap(({ entry }) => {
      const parsed = transcriptEntrySchema.parse(JSON.parse(entry));
      return parsed.type === 'release' ? [parsed] : [];
    });
    expect(told.map(({ survivors }) => survivors.length)).toEqual([7, 7, 7, 7]);
    expect(told.map(({ noise }) => noise)).toEqual([
      { clients: 7, whole: [liar] },
      { clients: 7, whole: [] },
      { clients: 7, whole: [] },
      { clients: 7, whole: [] },
    ]);
    const events = (await store.events(runId)).map((text) => runEventSchema.parse(JSON.parse(text)));
    const released = events.flatMap((event) => (event.type === 'released' ? [event.noise] : []));
    expect(released).toEqual(told.map(({ noise }) => noise));
  });
});
