import { logSumExp } from './log-sum.ts';

/**
 * Rényi differential privacy of the Poisson-sampled Gaussian under add/remove, at one order.
 *
 * r = (1−q) + q·e^{t} is the ratio of the mixture to N(0, z²) at x, t = (2x−1)/2z². Both directions are bounded by
 * log E[r^α]/(α−1) (Mironov, Talwar & Zhang 2019, arXiv 1908.10530, Theorem 5). As E[r] = 1, E[r^α] − 1 is the mean of
 * r^α − 1 − α(r−1) ≥ 0, so nothing cancels however small q is.
 */

/** What rounding and quadrature may have taken away, relative; both stay below a tenth of it (`../vectors/gaussian-rdp.json`). */
const upward = 1 + 1e-10;

/** Under less noise the quadrature would need too many nodes, and no ε worth having comes out. */
const leastQuadratureNoise = 0.1;

/**
 * RDP of one release of the Gaussian with noise multiplier z on a Poisson sample, rounded up.
 *
 * @param samplingRate - q in (0, 1]; 1 is no sampling
 * @param noiseMultiplier - z = std / L2 sensitivity, > 0
 * @param order - α > 1; a whole order by the exact binomial sum, another by quadrature
 */
export function gaussianRdp(samplingRate: number, noiseMultiplier: number, order: number): number {
  return gaussianRdpCurve(samplingRate, noiseMultiplier, [order])[0] ?? Number.NaN;
}

/** The same at several orders, which share most of the work. */
export function gaussianRdpCurve(samplingRate: number, noiseMultiplier: number, orders: readonly number[]): number[] {
  const z = noiseMultiplier;
  if (samplingRate === 1) return orders.map((order) => (order / (2 * z * z)) * upward);
  const whole = wholeOrderMoments(samplingRate, z);
  const byQuadrature = z >= leastQuadratureNoise ? quadrature(samplingRate, z) : null;
  const logMoment = (order: number): number => {
    if (order === 1) return 0;
    if (Number.isInteger(order)) return logOfOnePlusExp(whole(order));
    if (byQuadrature !== null) return logOfOnePlusExp(byQuadrature(order));
    // Convex in the order: the chord between the whole orders on both sides lies above.
    const below = Math.floor(order);
    return (below + 1 - order) * logMoment(below) + (order - below) * logMoment(below + 1);
  };
  return orders.map((order) => (logMoment(order) / (order - 1)) * upward);
}

function logOfOnePlusExp(exponent: number): number {
  return exponent > 0 ? exponent + Math.log1p(Math.exp(-exponent)) : Math.log1p(Math.exp(exponent));
}

/**
 * At a whole order: log Σ_{k≥2} C(α,k)(1−q)^{α−k}q^k (e^{(k²−k)/2z²} − 1).
 *
 * @see Mironov, Talwar & Zhang 2019, §3.3, less the binomial identity Σ C(α,k)(1−q)^{α−k}q^k = 1
 */
function wholeOrderMoments(q: number, z: number): (order: number) => number {
  const logStay = Math.log1p(-q);
  const logTake = Math.log(q);
  // Of each k, what all orders share: k·log(q/(1−q)) and the logarithm of the bracket.
  const shared: number[] = [0, 0];
  const terms: number[] = [];
  return (order) => {
    let logBinomial = Math.log(order);
    terms.length = 0;
    for (let k = 2; k <= order; k += 1) {
      if (k === shared.length) {
        const exponent = (k * (k - 1)) / (2 * z * z);
        shared.push(k * (logTake - logStay) + exponent + Math.log(-Math.expm1(-exponent)));
      }
      logBinomial += logQuotient(order - k + 1, k);
      // k < shared.length
      terms.push(logBinomial + shared[k]!);
    }
    return logSumExp(terms) + order * logStay;
  };
}

const logs: number[] = Array.from({ length: 1_025 }, (_, k) => Math.log(k));

/** log(n/k) of whole numbers. */
function logQuotient(n: number, k: number): number {
  return (logs[n] ?? Math.log(n)) - (logs[k] ?? Math.log(k));
}

/** Powers up to here are summed as numbers; e^600 is one. */
const largestPower = 600;

/**
 * At any order: log E[r^α − 1 − α(r−1)] by the trapezoidal rule in s = x/z. The integrand is analytic for |Im s| < πz (where
 * r has its zeros), so with a step of min(1, z)/8 the rule's error is below e^{−2π·π·8}·e^{π²/2} < 1e-60 of the integral.
 */
function quadrature(q: number, z: number): (order: number) => number {
  const step = Math.min(1, z) / 8;
  const logStay = Math.log1p(-q);
  const logTake = Math.log(q);
  // Left of −12 and right of the peak at α/z by 12 a normal weight has less than 1e-32 left; r^α is largest on the right.
  const first = Math.floor(-12 / step);
  const nodes: { readonly t: number; readonly weight: number; readonly excess: number; readonly logRatio: number }[] =
    [];
  const upTo = (last: number) => {
    for (let index = first + nodes.length; index <= last; index += 1) {
      const s = index * step;
      const t = s / z - 1 / (2 * z * z);
      const excess = q * Math.expm1(t);
      const logRatio = t > 30 ? logTake + t + Math.log1p(Math.exp(logStay - logTake - t)) : Math.log1p(excess);
      nodes.push({ t, weight: Math.exp((-s * s) / 2), excess, logRatio });
    }
  };
  return (order) => {
    const last = Math.ceil((order / z + 12) / step);
    upTo(last);
    const used = last - first + 1;
    // The ratio grows with the index.
    if (order * (nodes[used - 1]?.logRatio ?? Infinity) > largestPower) {
      const terms: number[] = [];
      for (let index = 0; index < used; index += 1) {
        const s = (first + index) * step;
        // index < nodes.length
        terms.push(logConvexity(q, nodes[index]!.t, order, logStay, logTake) - (s * s) / 2);
      }
      return logSumExp(terms) + Math.log(step / Math.sqrt(2 * Math.PI));
    }
    let sum = 0;
    for (let index = 0; index < used; index += 1) {
      const { weight, excess, logRatio } = nodes[index]!;
      sum += weight * convexity(order, excess, logRatio);
    }
    return Math.log(sum * (step / Math.sqrt(2 * Math.PI)));
  };
}

/** r^α − 1 − α(r−1), r = 1 + excess. */
function convexity(order: number, excess: number, logRatio: number): number {
  return Math.abs(order * excess) < 0.05
    ? convexitySeries(order, excess)
    : Math.expm1(order * logRatio) - order * excess;
}

/** Σ_{k≥2} C(α,k) u^k; the ratio of terms is below 0.05. */
function convexitySeries(order: number, excess: number): number {
  let term = (order * (order - 1) * excess * excess) / 2;
  let sum = term;
  for (let k = 3; Math.abs(term) > sum * 1e-17; k += 1) {
    term *= ((order - k + 1) / k) * excess;
    sum += term;
  }
  return sum;
}

/** log(r^α − 1 − α(r−1)) at r = 1 + q(e^t − 1). */
function logConvexity(q: number, t: number, order: number, logStay: number, logTake: number): number {
  const excess = q * Math.expm1(t);
  if (Math.abs(order * excess) < 0.05) return Math.log(convexitySeries(order, excess));
  const logRatio = t > 30 ? logTake + t + Math.log1p(Math.exp(logStay - logTake - t)) : Math.log1p(excess);
  const power = order * logRatio;
  // Far out 1 + α(r−1) is nothing beside r^α.
  if (power > 100 && logRatio > 0) {
    return power + Math.log1p(-Math.exp(Math.log(order) + logRatio - power));
  }
  return Math.log(Math.expm1(power) - order * excess);
}
