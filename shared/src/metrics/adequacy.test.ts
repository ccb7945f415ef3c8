import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../random/index.ts';
import { adequacyOf, plannedHalfWidth, powerOfShare, unitsForHalfWidth, unitsForPower } from './adequacy.ts';
import { labelSkew, noisySkew } from './drift.ts';
import { z95 } from './interval.ts';
import { fitLearningCurve } from './learning-curve.ts';
import { binnedMoments, noisyMoments } from './moments.ts';

/** Uniform and normal draws of a fixed seed. */
function draws(seed: string) {
  const random = createSeededRandom(seed);
  const words = new Uint32Array(1);
  const uniform = (): number => {
    random.words(words);
    return (words[0]! + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const binomial = (n: number, p: number): number => {
    let successes = 0;
    for (let i = 0; i < n; i++) successes += Number(uniform() < p);
    return successes;
  };
  return { uniform, normal, binomial };
}

describe('adequacy', () => {
  it('is told where the whole interval is on one side', () => {
    const figure = { value: 50, low: 40, high: 60, noiseHalfWidth: 10 };
    expect(adequacyOf(figure, { atLeast: 40 })).toBe('enough');
    expect(adequacyOf(figure, { atLeast: 61 })).toBe('not enough');
    expect(adequacyOf(figure, { atLeast: 45 })).toBe('cannot tell');
    expect(adequacyOf(figure, { atMost: 60 })).toBe('enough');
    expect(adequacyOf(figure, { atMost: 39 })).toBe('not enough');
    expect(adequacyOf(null, { atLeast: 1 })).toBe('cannot tell');
  });

  it('foretells the power that tests have, with noise and without', () => {
    const { binomial, normal } = draws('power');
    for (const noiseStd of [0, 8]) {
      const [share, against, units] = [0.85, 0.78, 300];
      const deviation = Math.sqrt(
        (against * (1 - against)) / units + ((noiseStd / units) * Math.hypot(against, 1 - against)) ** 2,
      );
      let told = 0;
      const trials = 2_000;
      for (let trial = 0; trial < trials; trial++) {
        const correct = binomial(units, share);
        const noisy = correct + noiseStd * normal();
        const total = noisy + (units - correct) + noiseStd * normal();
        told += Number(Math.abs(noisy / total - against) > z95 * deviation);
      }
      // The normal approximation is good to about a point, the standard error is one.
      expect(Math.abs(told / trials - powerOfShare({ share, units, noiseStd }, against))).toBeLessThan(0.035);
    }
  });

  it('finds the fewest units that are enough', () => {
    const needed = unitsForHalfWidth(0.5, 0.05, 0)!;
    expect(plannedHalfWidth({ share: 0.5, units: needed, noiseStd: 0 })).toBeLessThanOrEqual(0.05);
    expect(plannedHalfWidth({ share: 0.5, units: needed - 1, noiseStd: 0 })).toBeGreaterThan(0.05);
    const powered = unitsForPower(0.85, 0.8, 0.8, 5)!;
    expect(powerOfShare({ share: 0.85, units: powered, noiseStd: 5 }, 0.8)).toBeGreaterThanOrEqual(0.8);
    expect(powerOfShare({ share: 0.85, units: powered - 1, noiseStd: 5 }, 0.8)).toBeLessThan(0.8);
    expect(unitsForPower(0.8, 0.8, 0.9, 0)).toBeNull();
    expect(() => powerOfShare({ share: 1, units: 5, noiseStd: 0 }, 0.5)).toThrow('expected a share in (0, 1)');
  });
});

describe('a learning curve', () => {
  const sizes = [50, 100, 200, 400, 800, 1_600];

  it('has a range that holds what comes in 95 of 100 cases, or more', () => {
    const { normal } = draws('curve');
    const truth = (units: number): number => 0.1 + 1.2 * units ** -0.5;
    let held = 0;
    const trials = 150;
    for (let trial = 0; trial < trials; trial++) {
      const std = 0.004;
      const points = sizes.map((units) => ({ units, std, error: truth(units) + std * normal() }));
      const range = fitLearningCurve(points)!.at(6_400)!;
      held += Number(range.low <= truth(6_400) && truth(6_400) <= range.high);
    }
    expect(held / trials).toBeGreaterThan(0.9);
  });

  it('widens the further it looks, and with fewer or noisier points', () => {
    const error = [0.38, 0.293, 0.229, 0.187, 0.154, 0.134];
    const points = sizes.map((units, i) => ({ units, error: error[i]! }));
    const width = (curve: typeof points, units: number): number => {
      const range = fitLearningCurve(curve)!.at(units)!;
      return range.high - range.low;
    };
    expect(width(points, 25_600)).toBeGreaterThan(width(points, 3_200));
    expect(width(points.slice(0, 4), 6_400)).toBeGreaterThan(width(points, 6_400));
  });

  it('says nothing from too few points, and refuses what is no error', () => {
    expect(
      fitLearningCurve([
        { units: 1, error: 0.5 },
        { units: 2, error: 0.4 },
      ]),
    ).toBeNull();
    const three = [50, 100, 200].map((units) => ({ units, error: 0.1 + 1 / units }));
    expect(fitLearningCurve(three)!.at(400)).toBeNull();
    expect(fitLearningCurve(three.map((point) => ({ ...point, std: 0.01 })))!.at(400)).not.toBeNull();
    expect(() => fitLearningCurve([{ units: 10, error: 1.5 }])).toThrow('expected an error in [0, 1]');
    const flat = fitLearningCurve(sizes.map((units) => ({ units, error: 0.2 })))!;
    expect(flat.at(10_000)!.value).toBeCloseTo(0.2, 9);
  });
});

it('the floor of skew is passed by one client in twenty that is like all others', () => {
  const { uniform, normal } = draws('skew');
  const shares = [0.6, 0.3, 0.1];
  const sample = (rows: number, noiseStd: number): number[] => {
    const counts = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
      const place = uniform();
      counts[place < shares[0]! ? 0 : place < shares[0]! + shares[1]! ? 1 : 2]! += 1;
    }
    return counts.map((count) => count + noiseStd * normal());
  };
  for (const noiseStd of [0, 6]) {
    let [passed, largest] = [0, 0];
    const trials = 600;
    for (let trial = 0; trial < trials; trial++) {
      const std = { own: noiseStd, others: 2 * noiseStd };
      const [own, others] = [sample(200, std.own), sample(600, std.others)];
      const skew = noisySkew(own, others, std)!;
      passed += Number(skew.jensenShannon.value > skew.floor);
      largest += Number(skew.jensenShannon.value > noisySkew(own, others, std, 4)!.floorAmong);
    }
    expect(passed / trials).toBeGreaterThan(0.02);
    expect(passed / trials).toBeLessThan(0.085);
    // One in eighty of each of four: one in twenty of the largest.
    expect(largest / trials).toBeLessThan(0.035);
  }
});

it('an interval of skew holds the truth, also beside a class of hardly any units', () => {
  const { normal } = draws('skewed');
  for (const [own, others, noiseStd] of [
    [[2, 28], [230, 226], 6],
    [[20, 60], [230, 226], 6],
    [[5, 5, 60], [100, 200, 100], 6],
  ] as const) {
    const truth = labelSkew([[...own], [...others]])[0]!.jensenShannon;
    let [held, told] = [0, 0];
    for (let trial = 0; trial < 400; trial++) {
      const noisy = (counts: readonly number[], std: number) => counts.map((count) => count + std * normal());
      const std = { own: noiseStd, others: 2 * noiseStd };
      const skew = noisySkew(noisy(own, std.own), noisy(others, std.others), std);
      if (skew === null) continue;
      told += 1;
      held += Number(skew.jensenShannon.low <= truth && truth <= skew.jensenShannon.high);
    }
    expect(told).toBeGreaterThan(300);
    expect(held / told).toBeGreaterThan(0.92);
  }
});

it('moments of bins are off by no more than they say', () => {
  const { normal } = draws('bins');
  const values = Array.from({ length: 500 }, () => Math.min(9.99, Math.max(0, 4 + 2 * normal())));
  const edges = [0, 1, 2.5, 4, 7, 10];
  const counts = edges
    .slice(1)
    .map((high, bin) => values.filter((value) => value >= edges[bin]! && value < high).length);
  const binned = binnedMoments(counts, edges)!;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  expect(Math.abs(binned.mean - mean)).toBeLessThan(binned.meanBinning);
  expect(Math.abs(binned.deviation - deviation)).toBeLessThan(binned.deviationBinning);
  expect(binnedMoments([0, 0], [0, 1, 2])).toBeNull();
});

it('moments of noisy sums have intervals that hold the truth in 95 of 100 cases, or more', () => {
  const { normal, uniform } = draws('sums');
  for (const noiseStd of [0, 8]) {
    let [means, deviations] = [0, 0];
    const trials = 400;
    for (let trial = 0; trial < trials; trial++) {
      const sums = { count: 0, sum: 0, squares: 0 };
      for (let i = 0; i < 200; i++) {
        const value = uniform() - 0.3;
        sums.count += 1;
        sums.sum += value;
        sums.squares += value * value;
      }
      const found = noisyMoments({
        count: sums.count + noiseStd * normal(),
        sum: sums.sum + 2 * noiseStd * normal(),
        squares: sums.squares + 2 * noiseStd * normal(),
        countNoiseStd: noiseStd,
        sumNoiseStd: 2 * noiseStd,
      })!;
      const holds = ({ low, high }: { low: number; high: number }, truth: number) =>
        Number(low <= truth && truth <= high);
      means += holds(found.mean, 0.2);
      deviations += holds(found.deviation, Math.sqrt(1 / 12));
    }
    expect(means / trials).toBeGreaterThan(0.92);
    expect(deviations / trials).toBeGreaterThan(0.92);
  }
  expect(noisyMoments({ count: 5, sum: 1, squares: 1, countNoiseStd: 4, sumNoiseStd: 4 })).toBeNull();
});
