import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noiseVarianceSteps } from './grid.ts';
import { layersKept, layerVariances, survivorLevels } from './noise-layers.ts';

/** A double as a whole number of 2^-1074: exact. */
function exact(value: number): bigint {
  let [whole, shift] = [value, 0];
  while (!Number.isInteger(whole)) [whole, shift] = [whole * 2, shift + 1];
  return BigInt(whole) << BigInt(1_074 - shift);
}

const cohorts = fc
  .record({
    clients: fc.integer({ min: 3, max: 200 }),
    noiseMultiplier: fc.double({ min: 0.01, max: 100, noNaN: true }),
  })
  .chain(({ clients, noiseMultiplier }) =>
    fc.record({
      clients: fc.constant(clients),
      noiseMultiplier: fc.constant(noiseMultiplier),
      normBoundSteps: fc.integer({ min: 1_024, max: 3_000_000 }),
      minSurvivors: fc.integer({ min: Math.min(clients, Math.floor((2 * clients) / 3) + 1), max: clients }),
    }),
  )
  .chain((known) =>
    fc.record({
      ...Object.fromEntries(Object.entries(known).map(([name, value]) => [name, fc.constant(value)])),
      colluding: fc.integer({ min: 0, max: Math.max(0, known.minSurvivors - 2) }),
    } as { [Name in keyof typeof known]: fc.Arbitrary<number> } & { colluding: fc.Arbitrary<number> }),
  )
  .filter(
    ({ noiseMultiplier, normBoundSteps, minSurvivors, colluding }) =>
      (noiseMultiplier * normBoundSteps) ** 2 / (minSurvivors - colluding) >= 16,
  );

describe('noise layers', () => {
  it('leave the honest survivors what ε needs, at any count, in exact arithmetic; and not much more', () => {
    fc.assert(
      fc.property(cohorts, (cohort) => {
        const { clients, minSurvivors, colluding, noiseMultiplier, normBoundSteps } = cohort;
        const share = noiseVarianceSteps({ ...cohort, noise: 'distributedDiscreteGaussian' });
        const levels = survivorLevels(clients, minSurvivors, colluding, share);
        expect(levels.at(-1)).toBe(minSurvivors);
        expect(levels[0]).toBeLessThanOrEqual(clients);
        expect(levels).toEqual([...new Set(levels)].sort((a, b) => b - a));
        const variances = layerVariances(levels, colluding, share);
        expect(Math.min(...variances)).toBeGreaterThanOrEqual(16);
        // z and D as they are, squared without rounding.
        const floor = (exact(noiseMultiplier) * BigInt(normBoundSteps)) ** 2n;
        for (let survivors = minSurvivors; survivors <= clients; survivors++) {
          const kept = layersKept(levels, survivors);
          const each = variances.slice(0, kept).reduce((sum, variance) => sum + exact(variance), 0n);
          const honest = BigInt(survivors - colluding) * each;
          expect(honest << 1_074n >= floor).toBe(true);
          // Without its last layer it would be too little, or the level before is above the survivors.
          const level = levels[kept - 1]!;
          expect(level).toBeLessThanOrEqual(survivors);
          if (kept > 1) expect(levels[kept - 2]).toBeGreaterThan(survivors);
          const most = (BigInt(survivors - colluding) * floor) / BigInt(level - colluding);
          expect((honest << 1_074n) - most < most >> 40n).toBe(true);
        }
        const all = variances.reduce((sum, variance) => sum + variance, 0);
        expect(all).toBeGreaterThanOrEqual(share);
        expect(all / share - 1).toBeLessThan(1e-13);
      }),
      { numRuns: 400 },
    );
  });

  it('stand at every count of a small cohort, and at as few of a large one as leave no release with much more', () => {
    expect(survivorLevels(4, 3, 1, 1e6)).toEqual([4, 3]);
    expect(survivorLevels(7, 5, 1, 1e6)).toEqual([7, 6, 5]);
    expect(survivorLevels(10, 7, 2, 1e6)).toEqual([10, 9, 8, 7]);
    expect(survivorLevels(10, 7, 1, 1e6)).toEqual([10, 8, 7]);
    expect(survivorLevels(100, 67, 1, 1e6)).toEqual([100, 87, 75, 67]);
    expect(survivorLevels(1_000, 900, 10, 1e6)).toEqual([1_000, 900]);
    expect(survivorLevels(4, 4, 1, 1e6)).toEqual([4]);
    for (let clients = 3; clients <= 200; clients++) {
      const least = Math.floor((2 * clients) / 3) + 1;
      for (const colluding of [0, 1, Math.max(0, 2 * least - clients - 1)]) {
        if (least < colluding + 2) continue;
        const levels = survivorLevels(clients, least, colluding, 1e9);
        expect(levels.length).toBeLessThanOrEqual(6);
        expect(levels[0]).toBe(clients);
        for (let survivors = least; survivors <= clients; survivors++) {
          const level = levels[layersKept(levels, survivors) - 1]!;
          expect((survivors - colluding) / (level - colluding)).toBeLessThanOrEqual(1.15);
        }
      }
    }
  });

  it('that would be too narrow for the lemma are merged, and the widest noise that is left is the one of all', () => {
    expect(survivorLevels(10, 7, 1, 16)).toEqual([7]);
    // V of 7, 8 and 10 survivors: 60, 51.4 and 40. Steps of less than 17, so only the whole way is wide enough.
    expect(survivorLevels(10, 7, 1, 60)).toEqual([10, 7]);
    expect(layersKept([10, 7], 9)).toBe(2);
    expect(layersKept([10, 7], 10)).toBe(1);
    expect(layersKept([9, 7], 10)).toBe(1);
  });
});

/** Fraction bits of the fixed-point arithmetic below: far beyond the distances that are measured. */
const bits = 640n;
const one = 1n << bits;

/** exp(-num/den) by its Taylor series, num ≤ den. */
function expNegative(num: bigint, den: bigint): bigint {
  let [term, sum] = [one, one];
  for (let n = 1n; term !== 0n; n++) {
    term = (-term * num) / (den * n);
    sum += term;
  }
  return sum;
}

/** Weights exp(-k²/2v) of N_Z(0, v) for |k| ≤ reach, normalised: index k + reach. v in quarters of a step². */
function discreteGaussian(quarters: bigint, reach: number): bigint[] {
  const root = expNegative(4n, 2n * quarters);
  const squared = (root * root) >> bits;
  const half: bigint[] = [one];
  // exp(-(k+1)²/2v) = exp(-k²/2v)·r^(2k+1)
  let ratio = root;
  for (let k = 0; k < reach; k++) {
    half.push((half[k]! * ratio) >> bits);
    ratio = (ratio * squared) >> bits;
  }
  const total = half.reduce((sum, weight) => sum + 2n * weight, -one);
  const weights = half.map((weight) => (weight << bits) / total);
  return [...weights.slice(1).reverse(), ...weights];
}

/** Largest |P/Q − 1| of X + Y against N_Z(0, v + w) over six deviations; as log-distance to first order. */
function logDistance(v: bigint, w: bigint): number {
  // 23 deviations: what is cut off is below exp(-264) ≈ 2^-381 of the whole, and below 1e-100 of any weight compared.
  const reach = Math.ceil(23 * Math.sqrt(Number(v + w) / 4));
  const [x, y] = [discreteGaussian(v, reach), discreteGaussian(w, reach)];
  const sum = discreteGaussian(v + w, reach);
  let worst = 0n;
  for (let k = 0; k <= Math.ceil(6 * Math.sqrt(Number(v + w) / 4)); k++) {
    let mass = 0n;
    for (let j = k - reach; j <= reach; j++) mass += x[j + reach]! * y[k - j + reach]!;
    const apart = ((mass - (sum[k + reach]! << bits)) << 300n) / (sum[k + reach]! << bits);
    if (apart > worst) worst = apart;
    if (-apart > worst) worst = -apart;
  }
  return Number(worst) / 2 ** 300;
}

describe('the sum of two discrete Gaussians of unequal variances', () => {
  // u = vw/(v+w): half of the variance where both are equal, towards the smaller where they are not.
  const bound = (v: number, w: number) => 5 * Math.exp((-2 * Math.PI ** 2 * v * w) / (v + w));

  it.each([
    [1, 1],
    [1.25, 2],
    [2, 2.5],
    [1.5, 6],
  ])('of %d and %d is off by what the lemma says, and not by much less', (v, w) => {
    const distance = logDistance(BigInt(4 * v), BigInt(4 * w));
    expect(distance).toBeLessThan(bound(v, w));
    expect(distance).toBeGreaterThan(bound(v, w) / 10);
  });

  it.each([
    [16, 16],
    [16, 17.25],
    [17, 40.5],
    [20.75, 100],
  ])('of %d and %d, as layers may be, is the discrete Gaussian of both to 67 digits', (v, w) => {
    const distance = logDistance(BigInt(4 * v), BigInt(4 * w));
    expect(distance).toBeLessThan(bound(v, w));
    expect(distance).toBeLessThan(2e-68);
  });
});
