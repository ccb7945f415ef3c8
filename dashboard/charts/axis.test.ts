import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearestIndex, rateDomain, rateTicks, roundTicks, secondsTop } from './axis.ts';
import type { Evaluation } from '../lib/run-types.ts';

const evaluations = fc.array(
  fc
    .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.5, noNaN: true }))
    .map(([value, half]): Evaluation => ({
      round: 1,
      part: 'validation',
      units: 100,
      accuracy: { value, low: Math.max(0, value - half), high: Math.min(1, value + half), noiseHalfWidth: 0 },
      loss: null,
      withheld: null,
    })),
  { minLength: 1, maxLength: 20 },
);

test('the rate axis holds every interval, stays within 0 to 1 and is at least 0.3 long', () => {
  fc.assert(
    fc.property(evaluations, (list) => {
      const [low, high] = rateDomain(list);
      for (const { accuracy } of list) {
        expect(accuracy?.low).toBeGreaterThanOrEqual(low - 1e-9);
        expect(accuracy?.high).toBeLessThanOrEqual(high + 1e-9);
      }
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(high - low).toBeGreaterThan(0.299);
    }),
  );
});

test('without figures the whole range is shown', () => expect(rateDomain([])).toEqual([0, 1]));

test('the nearest point is the one that a search of all finds', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: -50, max: 1050 }),
      (values, at) => {
        const positions = values.toSorted((one, other) => one - other);
        const best = Math.min(...positions.map((position) => Math.abs(position - at)));
        expect(Math.abs((positions[nearestIndex(positions, at)] ?? Infinity) - at)).toBe(best);
      },
    ),
  );
});

test('round ticks begin at 0, end at the last round, rise, and stay few', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 2, max: 8 }), (last, wanted) => {
      const ticks = roundTicks(last, wanted);
      expect(ticks[0]).toBe(0);
      expect(ticks.at(-1)).toBe(last);
      expect(ticks.length).toBeLessThanOrEqual(2 * wanted + 2);
      ticks.slice(1).forEach((tick, index) => expect(tick).toBeGreaterThan(ticks[index] ?? 0));
      ticks.forEach((tick) => expect(Number.isInteger(tick)).toBe(true));
    }),
  );
});

test('the seconds axis ends above the slowest session', () => {
  const rounds = (seconds: number) => [
    {
      round: 1,
      attempt: 1,
      outcome: 'released' as const,
      reason: null,
      survivors: 3,
      cohort: 3,
      seconds,
      releaseNorm: null,
    },
  ];
  expect(secondsTop([])).toBe(1);
  expect(secondsTop(rounds(6.8))).toBe(10);
  expect(secondsTop(rounds(0.31))).toBeCloseTo(0.4, 12);
  fc.assert(
    fc.property(
      fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
      (seconds) => secondsTop(rounds(seconds)) >= seconds * (1 - 1e-12),
    ),
  );
});

test('no two ticks of the rate axis read the same, and both ends are near one', () => {
  fc.assert(
    fc.property(evaluations, (list) => {
      const domain = rateDomain(list);
      const ticks = rateTicks(domain);
      expect(new Set(ticks).size).toBe(ticks.length);
      expect(ticks.length).toBeGreaterThanOrEqual(4);
      expect(ticks.length).toBeLessThanOrEqual(8);
      expect(Number(ticks.at(-1))).toBeCloseTo(domain[1], 9);
      expect(Number(ticks[0])).toBeGreaterThan(domain[0] - 1e-9);
    }),
  );
});
