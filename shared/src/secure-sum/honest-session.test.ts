import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNobleCrypto } from '../crypto/noble-crypto.ts';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import { colludersTolerated, suiteSchema, thresholdFor } from './index.ts';
import { plainSum, runSession, testCohort, testContributions, testHeader, type Behaviour } from './testing/harness.ts';

// A failure is: a released sum that is not the plain sum of exactly the declared survivors, or a session that hangs. Not a
// failure: an explained end because too few clients are left.
const crypto = createNodeCrypto();
const stages = ['advertise', 'share', 'confirm', 'upload', 'agree', 'unmask'] as const;

describe('a session', () => {
  // A thousand patterns in the long set, half of them by the hybrid suite.
  const limit = { timeout: 300_000 };
  it(
    'A24: with random drops at every stage releases the exact sum of its survivors or fails with a reason',
    limit,
    async () => {
      let released = 0;
      let failed = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 3, max: 10 }),
          fc.array(fc.tuple(fc.nat(9), fc.constantFrom(...stages)), { maxLength: 4 }),
          fc.integer({ min: 1, max: 40 }),
          fc.string(),
          fc.constantFrom(...suiteSchema.options),
          async (n, drops, dimension, seed, suite) => {
            const cohort = await testCohort(n, crypto, { header: testHeader(dimension, { suite }), seed });
            const behaviour = new Map<string, Behaviour>(
              drops.map(([i, leavesBefore]) => [cohort.identities[i % n]!.client, { leavesBefore }]),
            );
            const contributions = testContributions(cohort, createSeededRandom(seed));
            const random = createSeededRandom(`${seed}/ports`);
            const result = await runSession(cohort, contributions, { crypto, random, behaviour });
            expect(result.clientErrors.size).toBe(0);
            expect(result.rejections).toEqual([]);
            if ('ok' in result.outcome) {
              released++;
              if (!result.outcome.ok) throw new Error(result.outcome.reason);
              expect(result.outcome.sum).toEqual(plainSum(contributions, result.survivors));
              expect(result.survivors.length).toBeGreaterThanOrEqual(cohort.rules.minSurvivors);
              for (const [client, { leavesBefore }] of behaviour) {
                expect(result.survivors.includes(client)).toBe(leavesBefore === 'agree' || leavesBefore === 'unmask');
              }
            } else {
              failed++;
              expect(result.outcome.code).toBe('COHORT_TOO_SMALL');
              expect(result.outcome.culprits.length).toBeGreaterThan(0);
              for (const culprit of result.outcome.culprits) expect(behaviour.has(culprit)).toBe(true);
              expect(behaviour.size).toBeGreaterThan(0);
            }
          },
        ),
        { numRuns: process.env['SOTTO_LONG'] === '1' ? 1_000 : 100 },
      );
      expect(released).toBeGreaterThan(20);
      expect(failed).toBeGreaterThan(5);
    },
  );

  it.each([3, 4, 5, 6, 7, 8, 9, 10].flatMap((n) => suiteSchema.options.map((suite) => ({ n, suite }))))(
    'A24: of $n clients by $suite bears every n − t drops after the shares, and no more',
    async ({ n, suite }) => {
      const cohort = await testCohort(n, crypto, { header: testHeader(7, { suite }) });
      const contributions = testContributions(cohort);
      const spare = n - thresholdFor(n);
      for (const stage of ['upload', 'agree', 'unmask'] as const) {
        for (const drops of [spare, spare + 1]) {
          const behaviour = new Map<string, Behaviour>(
            cohort.identities.slice(0, drops).map(({ client }) => [client, { leavesBefore: stage }]),
          );
          const { outcome, survivors } = await runSession(cohort, contributions, { crypto, behaviour });
          if (drops === spare) {
            expect(outcome).toEqual({ ok: true, sum: plainSum(contributions, survivors) });
          } else {
            expect(outcome).toMatchObject({ type: 'failed', code: 'COHORT_TOO_SMALL' });
          }
        }
      }
    },
  );

  it.each(suiteSchema.options)('by %s gives the same sum on noble and on node crypto', async (suite) => {
    for (const port of [crypto, createNobleCrypto()]) {
      const cohort = await testCohort(4, port, { header: testHeader(9, { suite }) });
      const contributions = testContributions(cohort);
      const behaviour = new Map<string, Behaviour>([[cohort.identities[2]!.client, { leavesBefore: 'upload' }]]);
      const { outcome, survivors } = await runSession(cohort, contributions, { crypto: port, behaviour });
      expect(survivors).toHaveLength(3);
      expect(outcome).toEqual({ ok: true, sum: plainSum(contributions, survivors) });
    }
  });

  it('in trusted mode is one upload of the plain vector', async () => {
    const header = testHeader(6, { trust: 'trusted' });
    const cohort = await testCohort(4, crypto, { header, minSurvivors: 2 });
    const contributions = testContributions(cohort);
    const behaviour = new Map<string, Behaviour>([[cohort.identities[0]!.client, { leavesBefore: 'upload' }]]);
    const result = await runSession(cohort, contributions, { crypto, behaviour });
    expect(result.survivors).toHaveLength(3);
    expect(result.outcome).toEqual({ ok: true, sum: plainSum(contributions, result.survivors) });
    expect(new Set(result.messages.map(({ type }) => type))).toEqual(new Set(['upload']));
  });
});

describe('the threshold', () => {
  it('and the tolerated colluders are those of the normative table for n = 3…10 and 30', () => {
    const table = [3, 4, 5, 6, 7, 8, 9, 10, 30].map((n) => [n, thresholdFor(n), colludersTolerated(n)]);
    expect(table).toEqual([
      [3, 3, 2],
      [4, 3, 1],
      [5, 4, 2],
      [6, 5, 3],
      [7, 5, 2],
      [8, 6, 3],
      [9, 7, 4],
      [10, 7, 3],
      [30, 21, 11],
    ]);
  });
});
