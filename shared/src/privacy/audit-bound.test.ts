import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditBound, auditPValue, type AuditBoundInput } from './audit-bound.ts';
import { binomialMass, binomialUpperTail } from './binomial.ts';

type Case = AuditBoundInput & {
  id?: string;
  epsilonLowerBound: number;
  pValueAtEpsilon: { epsilon: number; p: number }[];
};

const own: Case[] = JSON.parse(readFileSync(new URL('vectors/audit-bound.json', import.meta.url), 'utf8')).cases;
const shared = process.env['SOTTO_SHARED'];
const goldenPath = shared === undefined ? undefined : join(shared, 'golden', 'audit-bound.json');
const goldenFound = goldenPath !== undefined && existsSync(goldenPath);
const required = process.env['SOTTO_REQUIRE'] === 'all';

function expectCase(entry: Case): void {
  expect(Math.abs(auditBound(entry).epsilonLowerBound - entry.epsilonLowerBound)).toBeLessThan(1e-10);
  for (const { epsilon, p } of entry.pValueAtEpsilon) {
    expect(Math.abs(auditPValue(entry, epsilon) / p - 1), `at ε = ${epsilon}`).toBeLessThan(1e-11);
  }
}

describe('the binomial', () => {
  it('keeps its digits far out in the tail, where one minus the rest has none', () => {
    const fair = { win: 0.5, lose: 0.5 };
    // 2^-1000 and 1001·2^-1000.
    expect(binomialUpperTail(1_000, 1_000, fair) / 2 ** -1_000 - 1).toBeCloseTo(0, 12);
    expect(binomialUpperTail(999, 1_000, fair) / (1_001 * 2 ** -1_000) - 1).toBeCloseTo(0, 12);
    expect(binomialUpperTail(0, 10, fair)).toBe(1);
    expect(binomialUpperTail(11, 10, fair)).toBe(0);
  });

  it('has tails that are the sums of its masses, on both sides of the mean', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, win, place) => {
          const k = Math.round(place * n);
          const odds = { win, lose: 1 - win };
          let sum = 0;
          for (let j = n; j >= k; j -= 1) sum += binomialMass(j, n, odds);
          expect(binomialUpperTail(k, n, odds)).toSatisfy(
            (tail: number) => Math.abs(tail - sum) <= 1e-11 * sum + 1e-300,
          );
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  });
});

describe('auditBound', () => {
  it.each(own.map((entry, index) => [index, entry] as const))('agrees with 60 digits, case %i', (_, entry) => {
    expectCase(entry);
  });

  it('counts a million canaries as well', () => {
    const million = { canaries: 1e6, guesses: 1e6, delta: 1e-9, significance: 0.05 };
    const bounds = [500_900, 600_000, 999_999, 1e6].map((correct) => auditBound({ ...million, correct }));
    const found = bounds.map(({ epsilonLowerBound }) => epsilonLowerBound);
    expect(found).toEqual([...found].sort((a, b) => a - b));
    // All right, δ = 0: q^r = 0.05.
    const q = 0.05 ** 1e-6;
    const all = auditBound({ ...million, delta: 0, correct: 1e6 });
    expect(Math.abs(all.epsilonLowerBound - Math.log(q / (1 - q)))).toBeLessThan(1e-8);
  });

  it('is the ε at which the p-value reaches the significance, and never above the ceiling', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 50, max: 20_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.4, max: 1, noNaN: true }),
        fc.constantFrom(0, 1e-9, 1e-6, 1e-5, 1e-4),
        fc.constantFrom(0.001, 0.01, 0.05, 0.2),
        (canaries, share, rightly, delta, significance) => {
          const guesses = Math.max(1, Math.round(share * canaries));
          const counts = { canaries, guesses, correct: Math.round(rightly * guesses), delta };
          const { epsilonLowerBound, pValueAtZero, ceiling } = auditBound({ ...counts, significance });
          expect(epsilonLowerBound).toBeLessThanOrEqual(ceiling);
          if (epsilonLowerBound === 0) {
            expect(pValueAtZero).toBeGreaterThanOrEqual(significance);
            return;
          }
          expect(auditPValue(counts, epsilonLowerBound)).toBeLessThan(significance);
          // No ε above it is rejected.
          for (const above of [1e-9, 0.01, 0.1, 0.5, 1, 3]) {
            expect(auditPValue(counts, epsilonLowerBound + above)).toBeGreaterThanOrEqual(significance);
          }
        },
      ),
      { seed: 12, numRuns: 400 },
    );
  });

  it('shows at most what perfect guesses show: 1.05 with 10 guesses, 2.76 with 50, 3.47 with 100', () => {
    const perfect = (guesses: number, delta: number) =>
      auditBound({ canaries: 1_000, guesses, correct: guesses, delta, significance: 0.05 });
    expect(perfect(10, 0).ceiling).toBeCloseTo(1.05, 2);
    expect(perfect(50, 1e-5).ceiling).toBeCloseTo(2.76, 2);
    expect(perfect(100, 1e-5).ceiling).toBeCloseTo(3.47, 2);
  });

  it('splits the significance when several numbers of guesses were looked at', () => {
    const counts = { canaries: 1_000, guesses: 100, correct: 95, delta: 1e-5 };
    expect(auditBound({ ...counts, significance: 0.05, guessesTried: 5 })).toEqual(
      auditBound({ ...counts, significance: 0.01 }),
    );
  });

  it.each([
    [{ correct: 101 }, /correct 101: .*\[0, 100\].*no more right guesses than guesses/],
    [{ correct: -1 }, /correct -1/],
    [{ correct: 1.5 }, /correct 1.5/],
    [{ guesses: 1_001 }, /guesses 1001: .*\[0, 1000\].*no more guesses than canaries/],
    [{ guesses: Number.NaN }, /guesses NaN/],
    [{ canaries: 49, guesses: 10, correct: 5 }, /canaries 49: .*at least 50 canaries/],
    [{ canaries: Infinity }, /canaries Infinity/],
    [{ delta: -1e-9 }, /delta -1e-9: .*\[0, 1\)/],
    [{ delta: 1 }, /delta 1:/],
    [{ delta: Number.NaN }, /delta NaN/],
    [{ significance: 0 }, /significance 0: .*\(0, 1\)/],
    [{ significance: 1 }, /significance 1:/],
    [{ guessesTried: 0 }, /guessesTried 0/],
    [{ delta: '1e-5' as unknown as number }, /delta 1e-5/],
  ])('refuses %o with value and rule', (change, message) => {
    const good = { canaries: 1_000, guesses: 100, correct: 90, delta: 1e-5, significance: 0.05 };
    expect(() => auditBound({ ...good, ...change })).toThrow(message);
    expect(() => auditPValue(good, -1)).toThrow(/epsilon -1/);
  });

  describe.skipIf(!goldenFound && !required)(
    `golden values${goldenFound ? '' : ' (SKIPPED: SOTTO_SHARED does not name a folder with golden/audit-bound.json)'}`,
    () => {
      const golden: Case[] = goldenFound ? JSON.parse(readFileSync(goldenPath, 'utf8')).cases : [];

      it('are there', () => {
        expect(golden.length).toBeGreaterThan(10);
      });

      it.each(golden)('$id', expectCase);
    },
  );
});
