import { erfcx, erfc } from './normal-tail.ts';

/** Terms after which the series is given up. */
const mostTerms = 1_000;

/**
 * RDP of the Poisson-sampled Gaussian at a fractional order, as an upper bound: the series of Mironov et al. with the sign
 * of every term dropped, which is what dp-accounting and Opacus compute. It lies above {@link gaussianRdp}, by a few
 * thousandths at low orders. Noise and step counts are searched with it, so that whoever checks them by those tools finds
 * the target kept.
 *
 * @param samplingRate - q in (0, 1)
 * @param noiseMultiplier - z > 0
 * @param order - α > 1, not whole
 * @returns Infinity where the series does not converge within 1,000 terms
 * @see Mironov, Talwar & Zhang 2019, arXiv 1908.10530, §3.3
 */
export function seriesRdp(samplingRate: number, noiseMultiplier: number, order: number): number {
  const q = samplingRate;
  const z = noiseMultiplier;
  const middle = z * z * Math.log(1 / q - 1) + 0.5;
  const logTake = Math.log(q);
  const logStay = Math.log1p(-q);
  let below = -Infinity;
  let above = -Infinity;
  let lastBelow = -Infinity;
  let lastAbove = -Infinity;
  let logBinomial = 0;
  for (let i = 0; i < mostTerms; i += 1) {
    if (i > 0) logBinomial += Math.log(Math.abs((order - i + 1) / i));
    const j = order - i;
    const termBelow =
      logBinomial + i * logTake + j * logStay + (i * i - i) / (2 * z * z) + logTail((i - middle) / (Math.SQRT2 * z));
    const termAbove =
      logBinomial + j * logTake + i * logStay + (j * j - j) / (2 * z * z) + logTail((middle - j) / (Math.SQRT2 * z));
    below = logAdd(below, termBelow);
    above = logAdd(above, termAbove);
    const total = logAdd(below, above);
    if (termBelow < lastBelow && termAbove < lastAbove && Math.max(termBelow, termAbove) < total - 30) {
      return (total / (order - 1)) * (1 + 1e-12) + 1e-13 / (order - 1);
    }
    lastBelow = termBelow;
    lastAbove = termAbove;
  }
  return Infinity;
}

/** log(erfc(x)/2), which is log Φ(−√2·x). */
function logTail(x: number): number {
  return x > 0 ? Math.log(erfcx(x) / 2) - x * x : Math.log(erfc(x) / 2);
}

function logAdd(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}
