import { runEventSchema } from '@sotto/coordinator/runs';
import { describe, expect, it } from 'vitest';
import { noFaults } from './faults.ts';
import { lies, type Lie } from './lies.ts';
import { runScenario, type Scenario } from './scenario.ts';

/** What a lie comes to: nothing; the liar is out and the session goes on; the session fails and names the liar. */
type Outcome = 'harmless' | 'out' | 'named';

const expected: Readonly<Record<Lie, Outcome>> = {
  'badSignature/advertise': 'out',
  'badSignature/share': 'out',
  'badSignature/upload': 'out',
  'badSignature/agree': 'harmless',
  lowOrderKey: 'out',
  wrongTag: 'named',
  wrongShareHash: 'named',
  wrongSeal: 'named',
  wrongRecoverySeed: 'named',
  'malformed/advertise': 'out',
  'malformed/share': 'out',
  'malformed/confirm': 'out',
  'malformed/agree': 'harmless',
  // It has survived by then, and keeps all of its noise.
  'malformed/unmask': 'harmless',
  garbage: 'out',
  oversized: 'out',
  repeated: 'harmless',
  otherSender: 'out',
  earlierMessage: 'out',
  alteredUnmaskShare: 'harmless',
  wrongUnmaskKind: 'harmless',
  falseNoiseKey: 'harmless',
  uploadForOther: 'out',
  shortVector: 'out',
  longVector: 'out',
  alteredVector: 'out',
  earlierUpload: 'out',
  secondUpload: 'harmless',
};

/** Lies about keys and what is sealed by them, told under both suites; ML-KEM is most of a run's work and nothing to the others. */
const ofKeys: readonly Lie[] = ['badSignature/advertise', 'lowOrderKey', 'wrongSeal', 'malformed/advertise'];
const cases = lies.flatMap((lie) =>
  (ofKeys.includes(lie) ? (['x25519', 'x25519+mlkem768'] as const) : (['x25519'] as const)).map(
    (suite) => [lie, suite] as const,
  ),
);

const scenario: Scenario = {
  seed: 'one liar',
  clients: 5,
  plan: { rounds: 3, evaluateEvery: null, spareAttempts: 2, minSurvivors: 4 },
  liars: new Map(),
};

describe('one client of five that lies once', () => {
  it.each(cases)('A13, A14, S2, S3: %s (%s) costs its own session at most, or is named', async (lie, suite) => {
    const liars = new Map([['client 2', { lie, times: 1 }]]);
    const result = await runScenario(
      { ...scenario, plan: { ...scenario.plan, overrides: { suite } }, liars },
      { faults: noFaults },
    );
    const { status } = result;
    expect(result).toMatchObject({ violations: [], lies: 1 });
    expect(status).toMatchObject({ state: 'finished', reason: null });
    const liar = result.plan.roster.clients.find(({ name }) => name === 'client 2')?.client ?? '';
    const events = (await result.store.events(result.runId)).map((text) => runEventSchema.parse(JSON.parse(text)));
    const survivors = events.flatMap((event) => (event.type === 'released' ? [event.survivors] : []));
    const failures = events.flatMap((event) => (event.type === 'sessionFailed' ? [event] : []));
    expect(survivors).toHaveLength(3);
    const outcome: Outcome =
      failures.length > 0 ? 'named' : survivors.every((ids) => ids.includes(liar)) ? 'harmless' : 'out';
    expect(outcome).toBe(expected[lie]);
    for (const { culprits, reason } of failures) expect(culprits.join() + reason).toContain(liar);
    // Nobody else is the worse for it.
    const others = result.plan.roster.clients.filter(({ client }) => client !== liar);
    for (const ids of survivors) for (const { client } of others) expect(ids).toContain(client);
  });
});
