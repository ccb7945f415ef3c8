import { erfc, erfcx } from './normal-tail.ts';

/** Rounding of the formulas below, relative to the larger of their two terms. */
const roundingOfDelta = 1e-14;

/**
 * δ of the unsampled Gaussian at ε, rounded up: Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ), exact for one release and for any
 * composition, with 1/μ² the parallel sum of the releases' z².
 *
 * @param gaussianMu - μ = √Σ count/z², > 0
 * @see Balle & Wang 2018, arXiv 1805.06530, Theorem 8
 */
export function gaussianDelta(gaussianMu: number, epsilon: number): number {
  const near = (epsilon / gaussianMu - gaussianMu / 2) * Math.SQRT1_2;
  const far = (epsilon / gaussianMu + gaussianMu / 2) * Math.SQRT1_2;
  // e^ε·e^{−far²} = e^{−near²}: both terms carry the same factor, which is taken out where it is small.
  const scaledFar = erfcx(far);
  const largest = near > 0 ? Math.exp(-near * near) * erfcx(near) : erfc(near);
  const delta =
    near > 0 ? Math.exp(-near * near) * (erfcx(near) - scaledFar) : largest - Math.exp(-near * near) * scaledFar;
  // near² is rounded too: its error is relative to δ.
  const slack = largest * roundingOfDelta + Math.abs(delta) * (roundingOfDelta + near * near * 4e-16);
  return Math.min(1, (delta + slack) / 2);
}

/**
 * Smallest ε at which {@link gaussianDelta} is at most δ, rounded up.
 *
 * @param gaussianMu - μ = √Σ count/z², ≥ 0
 * @param delta - in (0, 1)
 */
export function gaussianEpsilon(gaussianMu: number, delta: number): number {
  if (gaussianMu === 0 || gaussianDelta(gaussianMu, 0) <= delta) return 0;
  if (!Number.isFinite(gaussianMu)) return Infinity;
  let low = 0;
  let high = 1;
  // Written as "not ≤", so that a NaN would raise ε and never lower it.
  while (!(gaussianDelta(gaussianMu, high) <= delta)) {
    low = high;
    high *= 2;
    if (!Number.isFinite(high)) return Infinity;
  }
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (gaussianDelta(gaussianMu, middle) <= delta) high = middle;
    else low = middle;
  }
  return high;
}
