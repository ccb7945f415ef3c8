import { SottoError } from '../errors/index.ts';
import { deltaFigure } from './delta-figure.ts';
import { normalQuantile, z95, type Figure } from './interval.ts';

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

/**
 * First Wasserstein distance of two histograms over the same bins: how far a row has to be moved on average, in the unit of the edges, each
 * row standing in the middle of its bin. Cumulated shares are compared without smoothing; a noisy count below 0 counts as it is, so that noise
 * does not pull.
 *
 * @param edges - [bins + 1], rising.
 * @returns null where a noisy total is not told apart from 0 at 95 %.
 * @see Vallender 1974, "Calculation of the Wasserstein distance between probability distributions on the line".
 * @throws {INVALID_INPUT} when the bins differ or are fewer than two.
 */
export function wasserstein(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  edges: ArrayLike<number>,
  noiseStd: { readonly reference: number; readonly current: number } = { reference: 0, current: 0 },
): Figure | null {
  const bins = reference.length;
  if (bins < 2 || current.length !== bins || edges.length !== bins + 1) {
    throw new SottoError('INVALID_INPUT', `drift: expected two histograms of ${bins} bins, got ${current.length}`);
  }
  const counts = Float64Array.from({ length: 2 * bins }, (_, i) => (i < bins ? reference[i]! : current[i - bins]!));
  const total = (from: number, cells: Float64Array = counts): number =>
    cells.subarray(from, from + bins).reduce((sum, count) => sum + count, 0);
  const seen = (from: number, std: number): boolean => total(from) > z95 * std * Math.sqrt(bins);
  if (!seen(0, noiseStd.reference) || !seen(bins, noiseStd.current)) return null;
  const stds = counts.map((_, i) => (i < bins ? noiseStd.reference : noiseStd.current));
  const moved = (cells: Float64Array): number => {
    const [first, second] = [total(0, cells), total(bins, cells)];
    let [p, q, sum] = [0, 0, 0];
    for (let bin = 0; bin + 1 < bins; bin++) {
      p += cells[bin]! / first;
      q += cells[bins + bin]! / second;
      sum += (Math.abs(p - q) * (edges[bin + 2]! - edges[bin]!)) / 2;
    }
    return sum;
  };
  return deltaFigure(counts, stds, moved, { low: 0, high: edges[bins]! - edges[0]! });
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

/** How a client's noisy counts differ from those of all clients together, itself included. */
export type NoisySkew = {
  /** Jensen–Shannon divergence in nats, in [0, ln 2]. */
  readonly jensenShannon: Figure;
  /** What sampling and noise alone show in 95 of 100 cases where the client is like all others. */
  readonly floor: number;
  /** The same for the largest of `among` clients that are all alike. */
  readonly floorAmong: number;
};

/**
 * Skew of one client's noisy label counts. A count below 0 is none. Null where a noisy total is not told apart from 0 at 95 %.
 *
 * The floor is of Σ (p - r)² / 8 r over the shares p of the client and r of all: with w the client's part of all rows, p - r is
 * (1 - w)·(p - o) for the others' shares o, which are independent of p.
 *
 * @param own - the client's counts, [classes].
 * @param others - those of the other clients together, [classes].
 * @param noiseStd - standard deviation of the noise in each count of the two.
 * @param among - clients that are looked at: of many, one is above its own floor by chance.
 * @throws {INVALID_INPUT} when the classes differ or are fewer than two.
 */
export function noisySkew(
  own: ArrayLike<number>,
  others: ArrayLike<number>,
  noiseStd: { readonly own: number; readonly others: number },
  among = 1,
): NoisySkew | null {
  const classes = own.length;
  if (classes < 2 || others.length !== classes) {
    throw new SottoError('INVALID_INPUT', `skew: expected ${classes} classes twice, got ${others.length}`);
  }
  const counts = Float64Array.from({ length: 2 * classes }, (_, i) => (i < classes ? own[i]! : others[i - classes]!));
  const stds = counts.map((_, i) => (i < classes ? noiseStd.own : noiseStd.others));
  const total = (from: number): number => counts.subarray(from, from + classes).reduce((sum, count) => sum + count, 0);
  const [ownTotal, othersTotal] = [total(0), total(classes)];
  if (
    !(ownTotal > z95 * noiseStd.own * Math.sqrt(classes)) ||
    !(othersTotal > z95 * noiseStd.others * Math.sqrt(classes))
  ) {
    return null;
  }
  const divergence = (cells: Float64Array): number => {
    const of = (from: number): Float64Array => cells.slice(from, from + classes).map((count) => Math.max(0, count));
    const [mine, rest] = [of(0), of(classes)];
    // Of no units at all: of one count moved below 0 beside others that are none.
    if (mine.every((count) => count === 0)) return NaN;
    return jensenShannon(sharesOf(mine), sharesOf(mine.map((count, i) => count + rest[i]!)));
  };
  const apart = othersTotal / (ownTotal + othersTotal);
  const floorAt = (level: number): number => (floorOfIndex(counts, stds, classes, level) * apart * apart) / 8;
  return {
    jensenShannon: steppedFigure(counts, stds, divergence),
    floor: floorAt(0.95),
    floorAmong: floorAt(0.95 ** (1 / among)),
  };
}

/** Parts of a count's 95 % half width at which a function is tried. */
const steps = [-1, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1];

/**
 * A divergence with a 95 % interval from finite steps: each count is moved within its own interval, and what that changes at most, up and down,
 * is added in quadrature. Where the function is straight that is the delta method; but a divergence is curved, flat at a count below 0, and
 * least at equality, where slopes say nothing.
 * @see Zou, Donner 2008 for the quadrature of sides.
 */
function steppedFigure(counts: Float64Array, stds: Float64Array, valueOf: (cells: Float64Array) => number): Figure {
  const at = counts.slice();
  const value = valueOf(at);
  let [down, up, noise] = [0, 0, 0];
  const changes = (cell: number, std: number): readonly [number, number] => {
    const found = steps.flatMap((step) => {
      at[cell] = counts[cell]! + step * z95 * std;
      const change = valueOf(at) - value;
      return Number.isFinite(change) ? [change] : [];
    });
    at[cell] = counts[cell]!;
    return [Math.min(0, ...found), Math.max(0, ...found)];
  };
  for (let cell = 0; cell < counts.length; cell++) {
    const [lower, higher] = changes(cell, Math.hypot(Math.sqrt(Math.max(0, counts[cell]!)), stds[cell]!));
    down += lower * lower;
    up += higher * higher;
    const [least, most] = changes(cell, stds[cell]!);
    noise += Math.max(-least, most) ** 2;
  }
  return {
    value,
    low: Math.max(0, value - Math.sqrt(down)),
    high: Math.min(Math.LN2, value + Math.sqrt(up)),
    noiseHalfWidth: Math.sqrt(noise),
  };
}

function sharesOf(counts: ArrayLike<number> & Iterable<number>): Float64Array {
  const shares = Float64Array.from(counts);
  const total = shares.reduce((sum, count) => sum + count, 0);
  if (!(total > 0)) throw new SottoError('INVALID_INPUT', `skew: expected rows, got ${total}`);
  return shares.map((count) => count / total);
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
 * Quantile of the index without drift, the 95 % one where no other is asked for: Σ (p - q)² / r over the pooled shares r, a weighted sum of squared normals, by
 * Satterthwaite's scaled χ² and its quantile by Wilson and Hilferty.
 */
function floorOfIndex(counts: Float64Array, stds: Float64Array, bins: number, level = 0.95): number {
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
  return scale * freedom * (1 - 2 / (9 * freedom) + normalQuantile(level) * Math.sqrt(2 / (9 * freedom))) ** 3;
}
