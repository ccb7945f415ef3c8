import { logSumExp } from './log-sum.ts';

/** What rounding may have taken away, relative. */
const upward = 1 + 1e-12;

/**
 * RDP of Laplace noise: log(α/(2α−1)·e^{(α−1)ε} + (α−1)/(2α−1)·e^{−αε})/(α−1), with ε = 1/scale.
 *
 * @param noiseMultiplier - scale / L1 sensitivity, > 0
 * @see Mironov 2017, arXiv 1702.07476, Proposition 6
 */
export function laplaceRdp(noiseMultiplier: number, order: number): number {
  const epsilon = 1 / noiseMultiplier;
  const share = (order - 1) / (2 * order - 1);
  // Loses nothing near order 1; where ε is small the two terms cancel to αε²/2, which the last summand covers.
  const direct = epsilon + Math.log1p(share * Math.expm1((1 - 2 * order) * epsilon)) / (order - 1);
  return direct * upward + epsilon * 4e-16;
}

/**
 * RDP of randomized response over k buckets, the true one kept with probability 1 − p + p/k.
 *
 * @param replaceSpecial - neighbour is an input whose answer is uniform; else another bucket
 */
export function randomizedResponseRdp(p: number, buckets: number, order: number, replaceSpecial: boolean): number {
  if (buckets === 1 || p === 1) return 0;
  if (p === 0) return Infinity;
  const other = p / buckets;
  const same = 1 - p + other;
  const pairs = replaceSpecial
    ? [
        [
          [same, 1 / buckets],
          [p - other, 1 - 1 / buckets],
        ],
        [
          [1 / buckets, same],
          [1 - 1 / buckets, p - other],
        ],
      ]
    : [
        [
          [same, other],
          [other, same],
          [(buckets - 2) * other, (buckets - 2) * other],
        ],
      ];
  return pairs.reduce((largest, pair) => Math.max(largest, divergence(pair, order)), 0);
}

/** Rényi divergence of finite distributions, rounded up: log Σ P^α Q^{1−α}/(α−1). */
function divergence(pair: readonly (readonly number[])[], order: number): number {
  const terms = pair
    .filter(([p]) => p !== undefined && p > 0)
    .map(([p = 0, q = 0]) => order * Math.log(p) + (1 - order) * Math.log(q));
  const value = logSumExp(terms);
  return ((value + Math.abs(value) * 1e-13 + order * 1e-14) / (order - 1)) * upward;
}

/**
 * RDP of one number with discrete Gaussian noise: log Σ P^α Q^{1−α} = α(α−1)Δ²/2σ² + log(θ(αΔ)/θ(0)), where θ(x) sums
 * e^{−(k−x)²/2σ²} over the integers and is largest at them. Exact where αΔ is whole, else below the first term alone.
 *
 * @see Canonne, Kamath & Steinke 2020, arXiv 2004.00010, Proposition 5
 */
export function discreteGaussianRdp(sigma: number, sensitivity: number, order: number): number {
  return ((order * sensitivity * sensitivity) / (2 * sigma * sigma)) * upward;
}

/**
 * RDP of a vector with Skellam noise, at whole orders; at others Infinity, as nothing is proven there.
 *
 * @param variance - of the noise that arrived, per coordinate
 * @see Agarwal, Kairouz & Liu 2021, arXiv 2110.04995, Theorem 3.5
 */
export function skellamRdp(l1: number, l2: number, variance: number, order: number): number {
  if (!Number.isInteger(order)) return Infinity;
  const extra = ((2 * order - 1) * l2 * l2 + 6 * l1) / (4 * variance * variance);
  return ((order * l2 * l2) / (2 * variance) + Math.min(extra, (3 * l1) / (2 * variance))) * upward;
}
