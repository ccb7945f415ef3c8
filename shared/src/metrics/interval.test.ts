import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integerStream } from '../model/index.ts';
import { boundedMeanFigure, meanInterval, proportionFigure, studentQuantile95, wilsonInterval } from './index.ts';

/** Normal values from a seed, by summing; good to a few per mille in the body, which is all that coverage needs. */
function normals(seed: number): () => number {
  const next = integerStream(Uint8Array.of(seed));
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += next() / 2 ** 32;
    return sum;
  };
}

describe("Student's interval", () => {
  it('has the published quantiles', () => {
    const published = [
      [1, 12.7062],
      [5, 2.57058],
      [10, 2.22814],
      [11, 2.20099],
      [29, 2.04523],
      [99, 1.98422],
    ] as const;
    for (const [freedom, quantile] of published)
      expect(Math.abs(studentQuantile95(freedom) - quantile)).toBeLessThan(1e-4);
  });

  it('of 1 … 5 is 3 ± 1.963', () => {
    const figure = meanInterval([1, 2, 3, 4, 5]);
    expect(figure.value).toBe(3);
    expect(figure.high - 3).toBeCloseTo(1.96324, 5);
    expect(() => meanInterval([1])).toThrowError(/at least 2 values/);
  });
});

describe("Wilson's interval", () => {
  it('has the published values', () => {
    // Newcombe 1998, Table I, method 3.
    for (const [successes, trials, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const figure = wilsonInterval(successes, trials);
      expect(figure.low).toBeCloseTo(low, 4);
      expect(figure.high).toBeCloseTo(high, 4);
    }
  });

  it('refuses contradictions', () => {
    for (const [successes, trials] of [
      [0, 0],
      [3, 2],
      [-1, 2],
      [NaN, 2],
    ] as const) {
      expect(() => wilsonInterval(successes, trials)).toThrowError(expect.objectContaining({ code: 'INVALID_INPUT' }));
    }
  });
});

describe('a share of noisy counts', () => {
  it("is Wilson's without noise", () => {
    const exact = proportionFigure({ correct: 80, incorrect: 20, noiseStd: 0 })!;
    const wilson = wilsonInterval(80, 100);
    expect(exact.value).toBe(0.8);
    expect(exact.low).toBeCloseTo(wilson.low, 12);
    expect(exact.high).toBeCloseTo(wilson.high, 12);
    expect(exact.noiseHalfWidth).toBe(0);
  });

  it.each([
    [0.8, 300, 8],
    [0.95, 1_000, 12],
    [0.5, 200, 10],
  ])('covers the true share %d in 95 of 100 releases (%d units, noise %d)', (share, units, noiseStd) => {
    const normal = normals(17);
    const next = integerStream(Uint8Array.of(4));
    let covered = 0;
    const trials = 4_000;
    for (let trial = 0; trial < trials; trial++) {
      let correct = 0;
      for (let unit = 0; unit < units; unit++) if (next() / 2 ** 32 < share) correct += 1;
      const figure = proportionFigure({
        correct: correct + noiseStd * normal(),
        incorrect: units - correct + noiseStd * normal(),
        noiseStd,
      });
      if (figure !== null && figure.low <= share && share <= figure.high) covered += 1;
    }
    expect(covered / trials).toBeGreaterThan(0.94);
    expect(covered / trials).toBeLessThan(0.985);
  });

  it('is withheld where the total may be nothing but noise, and never leaves [0, 1]', () => {
    expect(proportionFigure({ correct: 10, incorrect: 5, noiseStd: 6 })).toBeNull();
    expect(proportionFigure({ correct: -3, incorrect: 2, noiseStd: 0 })).toBeNull();
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 500, noNaN: true }),
        fc.double({ min: -50, max: 500, noNaN: true }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (correct, incorrect, noiseStd) => {
          const figure = proportionFigure({ correct, incorrect, noiseStd });
          if (figure === null) return;
          expect(figure.low).toBeGreaterThanOrEqual(0);
          expect(figure.low).toBeLessThanOrEqual(figure.value);
          expect(figure.value).toBeLessThanOrEqual(figure.high);
          expect(figure.high).toBeLessThanOrEqual(1);
        },
      ),
      { examples: [[0, Number.MIN_VALUE, 0]] },
    );
    expect(() => proportionFigure({ correct: NaN, incorrect: 1, noiseStd: 1 })).toThrowError(/finite correct/);
    expect(() => proportionFigure({ correct: 1, incorrect: 1, noiseStd: -1 })).toThrowError(/negative deviation/);
  });
});

describe('a mean of noisy bounded values', () => {
  it('covers the true mean in at least 95 of 100 releases', () => {
    const normal = normals(3);
    const next = integerStream(Uint8Array.of(5));
    let covered = 0;
    const trials = 2_000;
    for (let trial = 0; trial < trials; trial++) {
      let sum = 0;
      for (let unit = 0; unit < 200; unit++) sum += (4 * next()) / 2 ** 32;
      const figure = boundedMeanFigure({
        sum: sum + 40 * normal(),
        count: 200 + 10 * normal(),
        max: 4,
        sumNoiseStd: 40,
        countNoiseStd: 10,
      });
      if (figure !== null && figure.low <= 2 && 2 <= figure.high) covered += 1;
    }
    expect(covered / trials).toBeGreaterThan(0.95);
  });

  it('is withheld where the count may be nothing but noise', () => {
    expect(boundedMeanFigure({ sum: 5, count: 10, max: 4, sumNoiseStd: 1, countNoiseStd: 6 })).toBeNull();
  });
});
