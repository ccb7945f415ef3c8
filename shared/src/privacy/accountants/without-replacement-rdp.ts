import { logSumExp } from './log-sum.ts';

/** What rounding and quadrature may have taken away, relative. */
const upward = 1 + 1e-10;
/** Above this order only the simpler of the two bounds is taken: moments need longer than they help. */
const largestExactOrder = 256;
/** Under less noise moments would need too many nodes, and the simpler bound is the smaller one. */
const leastMomentNoise = 0.1;

/**
 * RDP under replace-one of a Gaussian on a uniform subset, orders at once.
 *
 * At a whole order α: log(1 + Σ_{j=2}^α C(α,j) q^j B_j)/(α−1), with B_2 = min(4(e^{ε(2)} − 1), 2e^{ε(2)}) and
 * B_j = min(4·√(M_{2⌊j/2⌋}·M_{2⌈j/2⌉}), 2e^{(j−1)ε(j)}), where M_k = E[(r−1)^k], r the ratio of two Gaussians. Between
 * whole orders the chord of (α−1)·RDP, which is convex, lies above.
 *
 * @param samplingRate - q = sampleSize/datasetSize, in (0, 1)
 * @param noiseMultiplier - std / replace-one sensitivity, > 0
 * @see Wang, Balle & Kasiviswanathan 2019, arXiv 1808.00087, Theorem 27 and Corollary 10
 */
export function withoutReplacementRdp(
  samplingRate: number,
  noiseMultiplier: number,
  orders: readonly number[],
): number[] {
  const logMoments = new Map<number, number>();
  const wholes = new Map<number, number>();
  const atWhole = (order: number): number => {
    if (order === 1) return 0;
    const known = wholes.get(order);
    if (known !== undefined) return known;
    const value = logMoment(samplingRate, noiseMultiplier, order, (k) => {
      const moment = logMoments.get(k) ?? logEvenMoment(noiseMultiplier, k);
      logMoments.set(k, moment);
      return moment;
    });
    wholes.set(order, value);
    return value;
  };
  return orders.map((order) => {
    const below = Math.floor(order);
    const share = order - below;
    const value = share === 0 ? atWhole(order) : (1 - share) * atWhole(below) + share * atWhole(below + 1);
    return (value / (order - 1)) * upward;
  });
}

function logMoment(q: number, z: number, order: number, momentOf: (k: number) => number): number {
  // (k−1)·ε(k) of the Gaussian
  const grown = (k: number) => (k * (k - 1)) / (2 * z * z);
  const terms = [0];
  let logBinomial = Math.log(order);
  for (let j = 2; j <= order; j += 1) {
    logBinomial += Math.log((order - j + 1) / j);
    const simple = Math.LN2 + grown(j);
    let bound = simple;
    if (j === 2) bound = Math.min(Math.log(4) + Math.log(Math.expm1(grown(2))), simple);
    else if (order <= largestExactOrder && z >= leastMomentNoise) {
      const even = 2 * Math.floor(j / 2);
      const both = even === j ? momentOf(j) : (momentOf(even) + momentOf(even + 2)) / 2;
      bound = Math.min(Math.log(4) + both, simple);
    }
    // expm1 overflows where the simple bound is the smaller one
    terms.push(logBinomial + j * Math.log(q) + (Number.isFinite(bound) ? bound : simple));
  }
  return logSumExp(terms);
}

/**
 * log E[(r−1)^k], k even, r = e^{s/z − 1/2z²} with s standard normal, by the trapezoidal rule, which converges like
 * e^{−2π²·64} on this entire integrand. Nothing is subtracted, so the relative accuracy stays where differences of
 * exponentials would lose it.
 */
function logEvenMoment(z: number, k: number): number {
  const step = Math.min(1, z) / 8;
  const terms: number[] = [];
  const last = Math.ceil((Math.max(k / z, Math.sqrt(k)) + 14) / step);
  for (let index = Math.floor((-14 - Math.sqrt(k)) / step); index <= last; index += 1) {
    const s = index * step;
    const t = s / z - 1 / (2 * z * z);
    // log|e^t − 1|
    const logSize = t > 30 ? t + Math.log1p(-Math.exp(-t)) : Math.log(Math.abs(Math.expm1(t)));
    terms.push(k * logSize - (s * s) / 2);
  }
  return logSumExp(terms) + Math.log(step / Math.sqrt(2 * Math.PI));
}
