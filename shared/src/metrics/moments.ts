import { z95, type Figure } from './interval.ts';

/** What sums over clients say of one column: they add up, so pooled rows would give the same. */
export type PowerSums = {
  /** Values that are there. */
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
  readonly cubes?: number;
};

/** Mean, variance and skewness of some values; null where 0/0. */
export type Moments = {
  readonly mean: number | null;
  /** Divisor n. */
  readonly variance: number | null;
  /** Divisor n - 1. */
  readonly sampleVariance: number | null;
  /** Third central moment over the deviation's cube, divisor n; null without cubes. */
  readonly skewness: number | null;
};

/** Moments from power sums. */
export function momentsOf({ count, sum, squares, cubes }: PowerSums): Moments {
  if (!(count > 0)) return { mean: null, variance: null, sampleVariance: null, skewness: null };
  const mean = sum / count;
  const variance = Math.max(0, squares / count - mean * mean);
  const third = cubes === undefined ? null : cubes / count - 3 * mean * (squares / count) + 2 * mean * mean * mean;
  return {
    mean,
    variance,
    sampleVariance: count > 1 ? (variance * count) / (count - 1) : null,
    skewness: third === null || variance === 0 ? null : third / (variance * Math.sqrt(variance)),
  };
}

/** Noisy power sums of values within [-1, 1], and the deviations of the noise in the count and in each of both sums. */
export type NoisyPowerSums = Omit<PowerSums, 'cubes'> & {
  readonly countNoiseStd: number;
  readonly sumNoiseStd: number;
};

/**
 * Mean and deviation of values within [-1, 1] with 95 % intervals that hold sampling and noise, the noise by the delta method. Null where the noisy
 * count is not told apart from 0 at 95 %.
 *
 * The fourth moment is not released: (u - m)² is at most 4, so the variance of its mean is at most 4 v / n. The deviation's interval is the
 * variance's, under the root.
 */
export function noisyMoments(noisy: NoisyPowerSums): { readonly mean: Figure; readonly deviation: Figure } | null {
  const { count, sum, squares, countNoiseStd, sumNoiseStd } = noisy;
  if (!(count > z95 * countNoiseStd) || !(count > 0)) return null;
  const { mean, variance } = momentsOf({ count, sum, squares });
  const [middle, v, square] = [clip(mean!, -1), clip(variance!, 0), squares / count];
  const meanNoise = (z95 * Math.hypot(sumNoiseStd, middle * countNoiseStd)) / count;
  const meanHalf = Math.hypot(z95 * Math.sqrt(v / count), meanNoise);
  const varianceNoise =
    (z95 * Math.hypot(sumNoiseStd, 2 * middle * sumNoiseStd, (2 * middle * middle - square) * countNoiseStd)) / count;
  const varianceHalf = Math.hypot(z95 * 2 * Math.sqrt(v / count), varianceNoise);
  const deviation = Math.sqrt(v);
  return {
    mean: {
      value: middle,
      low: Math.max(-1, middle - meanHalf),
      high: Math.min(1, middle + meanHalf),
      noiseHalfWidth: meanNoise,
    },
    deviation: {
      value: deviation,
      low: Math.sqrt(Math.max(0, v - varianceHalf)),
      high: Math.sqrt(Math.min(1, v + varianceHalf)),
      noiseHalfWidth: Math.max(
        Math.sqrt(v + varianceNoise) - deviation,
        deviation - Math.sqrt(Math.max(0, v - varianceNoise)),
      ),
    },
  };
}

function clip(value: number, low: number): number {
  return Math.min(1, Math.max(low, value));
}

/** Mean and deviation that a histogram tells, and how far each may be off because a bin says no more than where a value lies. */
export type BinnedMoments = {
  readonly mean: number;
  readonly deviation: number;
  /** Largest error of the mean: the mean half width of a bin. */
  readonly meanBinning: number;
  /** Largest error of the deviation: the root of the mean squared half width. */
  readonly deviationBinning: number;
};

/**
 * Moments of a histogram, each value counting as the middle of its bin. The deviation is a seminorm of the values, so moving each by at most
 * half a bin's width moves it by at most the root of the mean squared half width (Minkowski).
 *
 * @param counts - exact or noisy, [bins].
 * @param edges - [bins + 1], rising.
 * @returns null where the counts add up to nothing.
 */
export function binnedMoments(counts: ArrayLike<number>, edges: ArrayLike<number>): BinnedMoments | null {
  let [total, sum, squares, halves, halfSquares] = [0, 0, 0, 0, 0];
  for (let bin = 0; bin < counts.length; bin++) {
    const [count, low, high] = [counts[bin]!, edges[bin]!, edges[bin + 1]!];
    const middle = (low + high) / 2;
    const half = (high - low) / 2;
    total += count;
    sum += count * middle;
    squares += count * middle * middle;
    halves += Math.max(0, count) * half;
    halfSquares += Math.max(0, count) * half * half;
  }
  if (!(total > 0)) return null;
  const mean = sum / total;
  return {
    mean,
    deviation: Math.sqrt(Math.max(0, squares / total - mean * mean)),
    meanBinning: halves / total,
    deviationBinning: Math.sqrt(halfSquares / total),
  };
}
