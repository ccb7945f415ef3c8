import { SottoError } from '../errors/index.ts';
import { erfc } from '../privacy/accountants/normal-tail.ts';

/** A figure with its two-sided 95 % interval. Same shape as the wire's figure. */
export type Figure = {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The part of the half width that is privacy noise; 0 without. */
  readonly noiseHalfWidth: number;
};

/** Two-sided 95 % quantile of the normal distribution. */
export const z95 = 1.959963984540054;

/**
 * Quantile of the normal distribution, by bisection of its tail; to 1e-14.
 * @param probability - in (0, 1).
 */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new SottoError('INVALID_INPUT', `quantile: expected a probability in (0, 1), got ${probability}`);
  }
  if (probability > 0.5) return -normalQuantile(1 - probability);
  let [below, above] = [-40, 0];
  for (let i = 0; i < 60; i++) {
    const middle = (below + above) / 2;
    if (erfc(-middle / Math.SQRT2) / 2 < probability) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

/** Mean and sample standard deviation (divisor n - 1; null for a single value). */
export type MeanAndDeviation = { readonly mean: number; readonly deviation: number | null };

/**
 * Mean and sample standard deviation.
 * @throws {INVALID_INPUT} when there is no value.
 */
export function meanAndDeviation(values: readonly number[]): MeanAndDeviation {
  if (values.length === 0) throw new SottoError('INVALID_INPUT', 'mean: expected at least 1 value, got 0');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean, deviation: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

/**
 * Mean over seeds with Student's 95 % interval.
 * @throws {INVALID_INPUT} when there are fewer than two values, from which no spread can be told.
 */
export function meanInterval(values: readonly number[]): Figure {
  const { mean, deviation } = meanAndDeviation(values);
  if (deviation === null) throw new SottoError('INVALID_INPUT', 'interval: expected at least 2 values, got 1');
  const half = (studentQuantile95(values.length - 1) * deviation) / Math.sqrt(values.length);
  return { value: mean, low: mean - half, high: mean + half, noiseHalfWidth: 0 };
}

/** Two-sided 95 % quantiles of Student's t for 1 … 10 degrees of freedom. */
const studentQuantiles = [
  12.706204736432095, 4.302652729911275, 3.182446305284263, 2.7764451051977987, 2.5705818366147395, 2.4469118487916806,
  2.3646242510102993, 2.3060041350333704, 2.262157162740992, 2.2281388519649385,
];

/**
 * Two-sided 95 % quantile of Student's t; above 10 degrees of freedom by Fisher's expansion, whose error is below 1e-4.
 * @param freedom - degrees of freedom, at least 1.
 * @see Abramowitz, Stegun 1964, 26.7.5.
 */
export function studentQuantile95(freedom: number): number {
  const stored = studentQuantiles[freedom - 1];
  if (stored !== undefined) return stored;
  const z = z95;
  const g1 = (z ** 3 + z) / 4;
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  const g4 = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160;
  return z + g1 / freedom + g2 / freedom ** 2 + g3 / freedom ** 3 + g4 / freedom ** 4;
}

/**
 * A share of exact counts with Wilson's 95 % interval.
 *
 * @param successes - in [0, trials], not necessarily whole.
 * @see Wilson 1927; Brown, Cai, DasGupta 2001 §3.1.1.
 * @throws {INVALID_INPUT} when there is no trial or the counts contradict.
 */
export function wilsonInterval(successes: number, trials: number): Figure {
  if (!(trials > 0) || !(successes >= 0) || successes > trials) {
    throw new SottoError(
      'INVALID_INPUT',
      `share: expected 0 <= successes <= trials > 0, got ${successes} of ${trials}`,
    );
  }
  const share = successes / trials;
  // Both multiplied by the trials, which may be far below one where they are a noisy total.
  const spread = trials + z95 * z95;
  const centre = (share * trials + (z95 * z95) / 2) / spread;
  const half = (z95 / spread) * Math.sqrt(share * (1 - share) * trials + (z95 * z95) / 4);
  return {
    value: share,
    low: Math.max(0, Math.min(share, centre - half)),
    high: Math.min(1, Math.max(share, centre + half)),
    noiseHalfWidth: 0,
  };
}
