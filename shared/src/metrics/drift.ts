import { SottoError } from '../errors/index.ts';
import { deltaFigure } from './delta-figure.ts';
import { normalQuantile, type Figure } from './interval.ts';

/** What is added to every bin's count before shares are taken, so that an empty one has a logarithm. */
const smoothing = 0.5;

/** How two histograms over the same bins differ. */
export type Drift = {
  /** Population stability index Σ (p - q) ln(p / q). */
  readonly psi: Figure | null;
  /** Jensen–Shannon divergence in nats, in [0, ln 2]. */
  readonly jensenShannon: Figure | null;
  /** Half the sum of absolute differences, in [0, 1]. */
  readonly totalVariation: number;
  /** PSI that sampling and noise alone show without any drift, in 95 of 100 cases: below it there is no sign of one. */
  readonly psiFloor: number;
  /** The same of the Jensen–Shannon divergence. */
  readonly jensenShannonFloor: number;
  /** What is usual to say: below 0.1 stable, below 0.25 moderate. Not a test; see the floor. */
  readonly label: 'stable' | 'moderate' | 'major';
};

/**
 * Drift of a histogram against a reference, every bin's count 0.5 higher.
 *
 * @param reference - counts, exact or noisy, [bins].
 * @param current - likewise.
 * @param noiseStd - standard deviation of the noise in each count of the two.
 * @see Siddiqi 2006 (PSI and its bands); Lin 1991 (Jensen–Shannon); Yurdakul, Naranjo 2020 for PSI's distribution without drift.
 * @throws {INVALID_INPUT} when the bins differ or are fewer than two.
 */
export function driftOf(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  noiseStd: { readonly reference: number; readonly current: number } = { reference: 0, current: 0 },
): Drift {
  const bins = reference.length;
  if (bins < 2 || current.length !== bins) {
    throw new SottoError('INVALID_INPUT', `drift: expected two histograms of ${bins} bins, got ${current.length}`);
  }
  const counts = Float64Array.from({ length: 2 * bins }, (_, i) => (i < bins ? reference[i]! : current[i - bins]!));
  const stds = counts.map((_, i) => (i < bins ? noiseStd.reference : noiseStd.current));
  const shares = (cells: Float64Array) => [smoothed(cells.subarray(0, bins)), smoothed(cells.subarray(bins))] as const;
  const [p, q] = shares(counts);
  const psi = deltaFigure(counts, stds, (cells) => stabilityIndex(...shares(cells)), { low: 0, high: Infinity });
  const psiFloor = floorOfIndex(counts, stds, bins);
  const value = stabilityIndex(p, q);
  return {
    psi,
    jensenShannon: deltaFigure(counts, stds, (cells) => jensenShannon(...shares(cells)), { low: 0, high: Math.LN2 }),
    totalVariation: totalVariation(p, q),
    psiFloor,
    // Both are quadratic forms near equality: the divergence is an eighth of the index.
    jensenShannonFloor: psiFloor / 8,
    label: value < 0.1 ? 'stable' : value < 0.25 ? 'moderate' : 'major',
  };
}

/** Skew of one client's labels against all clients', without smoothing: shares of 0 are fine where both have them. */
export type LabelSkew = { readonly jensenShannon: number; readonly totalVariation: number };

/**
 * How each client's labels differ from those of all together.
 * @param labelCounts - row-major [clients][classes], exact counts or a simulation's; no client's counts leave it in a federation.
 * @throws {INVALID_INPUT} when a client has no rows.
 */
export function labelSkew(labelCounts: readonly (readonly number[])[]): readonly LabelSkew[] {
  const classes = labelCounts[0]?.length ?? 0;
  const all = Array.from({ length: classes }, (_, i) => labelCounts.reduce((sum, counts) => sum + counts[i]!, 0));
  const global = sharesOf(all);
  return labelCounts.map((counts) => {
    const own = sharesOf(counts);
    return { jensenShannon: jensenShannon(own, global), totalVariation: totalVariation(own, global) };
  });
}

function sharesOf(counts: readonly number[]): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!(total > 0)) throw new SottoError('INVALID_INPUT', `skew: expected rows, got ${total}`);
  return Float64Array.from(counts, (count) => count / total);
}

/** Shares after smoothing; a noisy count below 0 is none. */
function smoothed(counts: Float64Array): Float64Array {
  const raised = counts.map((count) => Math.max(0, count) + smoothing);
  const total = raised.reduce((sum, count) => sum + count, 0);
  return raised.map((count) => count / total);
}

function stabilityIndex(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, share, i) => sum + (share - q[i]!) * Math.log(share / q[i]!), 0);
}

function jensenShannon(p: Float64Array, q: Float64Array): number {
  const half = (share: number, middle: number): number => (share > 0 ? (share / 2) * Math.log(share / middle) : 0);
  return p.reduce((sum, share, i) => {
    const middle = (share + q[i]!) / 2;
    return sum + half(share, middle) + half(q[i]!, middle);
  }, 0);
}

function totalVariation(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, share, i) => sum + Math.abs(share - q[i]!), 0) / 2;
}

/**
 * 95 % quantile of the index without drift: Σ (p - q)² / r over the pooled shares r, a weighted sum of squared normals, by
 * Satterthwaite's scaled χ² and its quantile by Wilson and Hilferty.
 */
function floorOfIndex(counts: Float64Array, stds: Float64Array, bins: number): number {
  const sum = (from: number): number =>
    counts.subarray(from, from + bins).reduce((total, count) => total + Math.max(0, count) + smoothing, 0);
  const totals = [sum(0), sum(bins)] as const;
  let [first, second] = [0, 0];
  for (let bin = 0; bin < bins; bin++) {
    const [a, b] = [Math.max(0, counts[bin]!) + smoothing, Math.max(0, counts[bins + bin]!) + smoothing];
    const share = (a + b) / (totals[0] + totals[1]);
    const variance = (n: number, std: number): number => (n * share * (1 - share) + std * std) / (n * n);
    const weight = (variance(totals[0], stds[bin]!) + variance(totals[1], stds[bins + bin]!)) / share;
    first += weight;
    second += weight * weight;
  }
  const scale = second / first;
  const freedom = first / scale;
  return scale * freedom * (1 - 2 / (9 * freedom) + normalQuantile(0.95) * Math.sqrt(2 / (9 * freedom))) ** 3;
}
