import { SottoError } from '../errors/index.ts';
import { wilsonInterval, z95, type Figure } from './interval.ts';

/** Noisy counts of what was right and what was not, each with independent noise of a known standard deviation. */
export type NoisyCounts = {
  readonly correct: number;
  readonly incorrect: number;
  /** Standard deviation of the noise in each count, in units; 0 for exact counts. */
  readonly noiseStd: number;
  /** That of `incorrect`, where it differs: a sum of k noisy counts has √k times the noise of one. */
  readonly incorrectNoiseStd?: number;
};

/**
 * The share correct / (correct + incorrect) with a 95 % interval that holds sampling (Wilson) and noise (delta method), added
 * in quadrature on each side. Null when the noisy total is not told apart from 0 at 95 %: the ratio then has no bounded
 * interval (Fieller).
 *
 * @see Zou, Donner 2008 for the quadrature of two intervals' sides; Fieller 1954.
 * @throws {INVALID_INPUT} when a number is not finite or the deviation is negative.
 */
export function proportionFigure(counts: NoisyCounts): Figure | null {
  const { correct, incorrect, noiseStd, incorrectNoiseStd = noiseStd } = counts;
  requireFinite({ correct, incorrect, noiseStd, incorrectNoiseStd }, Math.min(noiseStd, incorrectNoiseStd));
  const total = correct + incorrect;
  if (total <= 0 || total <= z95 * rootOfSquares(noiseStd, incorrectNoiseStd)) return null;
  const share = Math.min(1, Math.max(0, correct / total));
  const sampling = wilsonInterval(share * total, total);
  // The ratio's derivatives by the two counts are (1 - share) / total and -share / total.
  const noiseHalfWidth = (z95 * rootOfSquares((1 - share) * noiseStd, share * incorrectNoiseStd)) / total;
  return {
    value: share,
    low: Math.max(0, share - Math.hypot(share - sampling.low, noiseHalfWidth)),
    high: Math.min(1, share + Math.hypot(sampling.high - share, noiseHalfWidth)),
    noiseHalfWidth,
  };
}

/** A noisy sum of values in [0, max] and the noisy number of them, with independent noise of known deviations. */
export type NoisySum = {
  readonly sum: number;
  readonly count: number;
  /** Largest value that one unit can add. */
  readonly max: number;
  readonly sumNoiseStd: number;
  readonly countNoiseStd: number;
};

/**
 * The mean sum / count with a 95 % interval. The values' variance is not released, so sampling uses its largest possible,
 * mean·(max - mean); the noise is by the delta method. Null when the noisy count is not told apart from 0 at 95 %.
 *
 * @see Bhatia, Davis 2000 for the bound on the variance.
 * @throws {INVALID_INPUT} when a number is not finite or a deviation is negative.
 */
export function boundedMeanFigure(noisy: NoisySum): Figure | null {
  const { sum, count, max, sumNoiseStd, countNoiseStd } = noisy;
  requireFinite(noisy, Math.min(max, sumNoiseStd, countNoiseStd));
  if (count <= 0 || count <= z95 * countNoiseStd) return null;
  const mean = Math.min(max, Math.max(0, sum / count));
  const noiseHalfWidth = (z95 * rootOfSquares(sumNoiseStd, mean * countNoiseStd)) / count;
  const half = Math.hypot(z95 * Math.sqrt((mean * (max - mean)) / count), noiseHalfWidth);
  return { value: mean, low: Math.max(0, mean - half), high: Math.min(max, mean + half), noiseHalfWidth };
}

/** Engines differ in the last bit of `Math.hypot`, and whether a figure is withheld decides about a run that stops early. */
function rootOfSquares(a: number, b: number): number {
  return Math.sqrt(a * a + b * b);
}

function requireFinite(numbers: Readonly<Record<string, number>>, deviation: number): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value)) {
      throw new SottoError('INVALID_INPUT', `figure: expected a finite ${name}, got ${value}`);
    }
  }
  if (deviation < 0) throw new SottoError('INVALID_INPUT', `figure: expected no negative deviation, got ${deviation}`);
}
