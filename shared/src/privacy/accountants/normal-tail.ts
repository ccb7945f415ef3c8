/**
 * Tails of the normal distribution with full relative accuracy: the error function's complement, plain and scaled.
 * Checked against 40-digit values in `../vectors/normal-tail.json`.
 */

/** Terms e^{−k²h²} of the trapezoidal sum with h = 1/2, k = 1 … 13. */
const step = 0.5;
const weights = Array.from({ length: 13 }, (_, index) => Math.exp(-(((index + 1) * step) ** 2)));
/** Below this the power series of erf is the better one. */
const seriesBelow = 1;
/** Poles right of π/h lie outside of the contour and leave no residue. */
const residueBelow = Math.PI / step;

/**
 * Scaled complementary error function e^{x²}·erfc(x), to a relative 1e-15.
 *
 * The trapezoidal rule for (2x/π) ∫₀^∞ e^{−t²}/(x²+t²) dt with the residue of its pole; its error is below
 * e^{−π²/h²} = 7e-18.
 *
 * @param x - finite, > −26 (below that the result overflows to Infinity)
 * @see Matta & Reichel 1971, "Uniform computation of the error function and other related functions", eq. (2)
 */
export function erfcx(x: number): number {
  if (x < 0) return 2 * expSquare(x) - erfcx(-x);
  if (x < seriesBelow) return expSquare(x) * (1 - erfSeries(x));
  const square = x * x;
  let sum = 0.5 / square;
  for (let k = weights.length; k >= 1; k -= 1) {
    const node = k * step;
    // 1 ≤ k ≤ weights.length
    sum += weights[k - 1]! / (node * node + square);
  }
  const integral = ((2 * step * x) / Math.PI) * sum;
  return x < residueBelow ? integral + (2 * expSquare(x)) / -Math.expm1((2 * Math.PI * x) / step) : integral;
}

/** Complementary error function 1 − erf(x), to a relative 1e-15 as long as it does not underflow (x < 26). */
export function erfc(x: number): number {
  if (x < seriesBelow) return x < 0 ? 2 - erfc(-x) : 1 - erfSeries(x);
  return erfcx(x) / expSquare(x);
}

/** Φ(x): probability that a standard normal lies below x; exact to a relative 1e-15 also in the lower tail. */
export function normalCdf(x: number): number {
  return erfc(-x * Math.SQRT1_2) / 2;
}

/** e^{x²} without the rounding of x²: the upper 24 bits of x have an exact square. */
function expSquare(x: number): number {
  // The second factor underflows where the first overflows, and their product would be NaN.
  if (Math.abs(x) > 27) return Infinity;
  const upper = Math.fround(x);
  return Math.exp(upper * upper) * Math.exp((x - upper) * (x + upper));
}

/** erf(x) = 2/√π · e^{−x²} · Σ 2ⁿx^{2n+1} / (2n+1)!!, all terms of one sign. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
