import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom, shuffle, uniformBelow } from '../random/index.ts';
import { holdersIn } from './graph.ts';
import { createSum, stepSum, suiteSchema } from './index.ts';
import { plainSum, runSession, testCohort, testContributions, testHeader, type Behaviour } from './testing/harness.ts';
import { createRingField, endOf, type GoneFrom, type RingField } from './testing/ring-field.ts';

// A failure is: a released sum that is not the plain sum of exactly the declared survivors, a session that hangs, one that is given
// up though it could be opened, or shares that are given in vain before anybody is gone in the last stage. Not a failure: an
// explained end because too few are left, of all or of one client's holders.
const crypto = createNodeCrypto();
const n = 201;
const stages: readonly GoneFrom[] = ['upload', 'agree', 'unmask'];
const long = process.env['SOTTO_LONG'] === '1';

describe('a session on the ring', () => {
  let field: RingField;
  beforeAll(async () => {
    field = await createRingField(await testCohort(n, crypto, { header: testHeader(3), seed: 'ring' }), crypto);
  }, 120_000);

  it('A24: without drops releases the exact sum', async () => {
    const { outcome, survivors } = await endOf(field, new Map(), crypto);
    expect(survivors).toEqual(field.clients);
    expect(outcome).toEqual({ ok: true, sum: plainSum(field.contributions, field.clients) });
  });

  it(
    'A24: with drops at random, or in a row on the ring, releases the exact sum or ends with a reason',
    { timeout: 3_600_000 },
    async () => {
      const { order } = field.graph.ring!;
      const random = createSeededRandom('patterns');
      let [released, failed, inRow] = [0, 0, 0];
      for (let pattern = 0; pattern < (long ? 500 : 12); pattern++) {
        const gone = new Map<string, GoneFrom>();
        const together = pattern % 2 === 0;
        const stage = stages[uniformBelow(random, 3)]!;
        const start = uniformBelow(random, n);
        // In a row up to what the holders bear and some more; at random up to what the agreement bears and some more.
        const length = together ? 12 + uniformBelow(random, 24) : uniformBelow(random, 70);
        const drops = together
          ? Array.from({ length }, (_, i) => order[(start + i) % n]!)
          : shuffle(random, order).slice(0, length);
        for (const client of drops) gone.set(client, together ? stage : stages[uniformBelow(random, 3)]!);
        const { outcome, survivors, answers } = await endOf(field, gone, crypto);
        const possible = canEnd(field, gone);
        if ('ok' in outcome) {
          released++;
          if (together) inRow++;
          expect(outcome).toEqual({ ok: true, sum: plainSum(field.contributions, survivors) });
          expect(survivors).toEqual(field.clients.filter((client) => gone.get(client) !== 'upload'));
          expect(possible).toBe(true);
        } else {
          failed++;
          expect(outcome.code).toBe('COHORT_TOO_SMALL');
          expect(outcome.reason).toMatch(/^Round aborted in stage (upload|agree|unmask): /);
          expect(outcome.culprits.length).toBeGreaterThan(0);
          expect(outcome.culprits.filter((culprit) => !gone.has(culprit))).toEqual([]);
          expect(possible).toBe(false);
          if (![...gone.values()].includes('unmask')) expect(answers).toBe(0);
        }
      }
      expect(released).toBeGreaterThan(2);
      expect(inRow).toBeGreaterThan(1);
      expect(failed).toBeGreaterThan(2);
    },
  );

  it('A24: bears every k − t neighbours of a client gone after the shares, and no more', async () => {
    const [client] = field.clients;
    const holders = holdersIn(field.graph).get(client!)!;
    const spare = holders.length - field.graph.threshold;
    for (const stage of stages) {
      const random = createSeededRandom(stage);
      const drops = shuffle(random, holders).slice(0, spare + 1);
      const ended = async (some: readonly string[]) =>
        (await endOf(field, new Map(some.map((holder) => [holder, stage])), crypto)).outcome;
      expect(await ended(drops.slice(1))).toMatchObject({ ok: true });
      const failed = await ended(drops);
      expect(failed).toMatchObject({ type: 'failed', code: 'COHORT_TOO_SMALL' });
      expect('culprits' in failed && failed.culprits.filter((culprit) => !drops.includes(culprit))).toEqual([]);
    }
  });

  it.each([22, 23])(
    'A24: %i in a row gone before they deal: ends before anything is passed on where holders are too few',
    (length) => {
      const { order } = field.graph.ring!;
      const gone = order.slice(0, length);
      let step = createSum(field.cohort.rules, field.clients);
      for (const message of field.messages) {
        const dealt = message.type === 'share' && !gone.includes(message.client);
        if (message.type === 'advertise' || dealt) step = stepSum(step.state, { type: 'message', message });
      }
      const { state, effects } = stepSum(step.state, { type: 'stageTimeout', stage: 'share' });
      const sent = effects.filter(({ type }) => type === 'send').length;
      // k − t = 22: a client next to the row has lost all of it.
      expect([state.stage, sent]).toEqual(length === 22 ? ['upload', n - 22] : ['failed', 0]);
      if (length === 22) return;
      const failed = effects.find(({ type }) => type === 'failed');
      expect(failed).toMatchObject({ code: 'COHORT_TOO_SMALL', culprits: [...gone].sort() });
      expect(failed).toMatchObject({
        reason: expect.stringMatching(/: 47 of the 70 holders of client .* left, 48 needed/),
      });
    },
  );
});

describe('a whole session on the ring', () => {
  it.each(long ? suiteSchema.options : ['x25519' as const])(
    'A24: by %s, with clients gone before and after they deal, is the exact sum',
    { timeout: 600_000 },
    async (suite) => {
      const cohort = await testCohort(n + 6, crypto, { header: testHeader(5, { suite }), minSurvivors: 150 });
      const contributions = testContributions(cohort);
      const leaves = ['advertise', 'share', 'confirm', 'upload', 'agree', 'unmask'] as const;
      const behaviour = new Map<string, Behaviour>(
        cohort.identities
          .filter((_, i) => i % 35 === 0)
          .map(({ client }, i) => [client, { leavesBefore: leaves[i % 6]! }]),
      );
      const { outcome, survivors, rejections, clientErrors } = await runSession(cohort, contributions, {
        crypto,
        behaviour,
      });
      expect([...clientErrors.values()]).toEqual([]);
      expect(rejections).toEqual([]);
      expect(outcome).toEqual({ ok: true, sum: plainSum(contributions, survivors) });
      expect(survivors).toHaveLength(n + 6 - 4);
    },
  );
});

/** Whether the session can be opened, by the rules alone: enough are left of all, of everybody's holders and of each stretch. */
function canEnd({ graph, clients, cohort }: RingField, gone: ReadonlyMap<string, GoneFrom>): boolean {
  const { order, reach, spread } = graph.ring!;
  const uploaded = clients.filter((client) => gone.get(client) !== 'upload').length;
  const signed = (client: string) => gone.get(client) === undefined || gone.get(client) === 'unmask';
  if (uploaded < cohort.rules.minSurvivors || clients.filter(signed).length < graph.agreement) return false;
  return order.every((client, place) => {
    const near = (step: number) => order[(place + step + n) % n]!;
    const around = Array.from({ length: 2 * reach + 1 }, (_, i) => near(i - reach)).filter((other) => other !== client);
    const stretch = Array.from({ length: reach }, (_, i) => near(i));
    const enough = around.filter((other) => !gone.has(other)).length >= graph.threshold;
    return enough && stretch.filter(signed).length >= spread;
  });
}
