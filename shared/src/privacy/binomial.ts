/**
 * Binomial probabilities with full relative accuracy, also far out in either tail and up to a billion trials.
 * Checked against 40-digit values in `vectors/audit-bound.json`.
 */

/** One trial's chances. Both are kept: near 1, one minus the other has no digits left. */
export type Odds = { readonly win: number; readonly lose: number };

/**
 * P[Bin(n, win) = k], to a relative 1e-13: the saddle point's form, where no large terms cancel.
 *
 * @see Loader 2000, "Fast and accurate computation of binomial probabilities", §3
 */
export function binomialMass(k: number, n: number, { win, lose }: Odds): number {
  if (k < 0 || k > n) return 0;
  if (win === 0 || lose === 0) return k === (win === 0 ? 0 : n) ? 1 : 0;
  if (k === 0) return Math.exp(n * logOf(lose, win));
  if (k === n) return Math.exp(n * logOf(win, lose));
  const rest = n - k;
  const exponent =
    stirlingError(n) - stirlingError(k) - stirlingError(rest) - deviance(k, n * win) - deviance(rest, n * lose);
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * rest));
}

/**
 * P[Bin(n, win) ≥ k] = I_win(k, n − k + 1), by the regularized incomplete beta function's continued fraction on whichever
 * side of the mean it converges fast: never one minus a number close to one, so that a tail of 1e-300 keeps its digits.
 *
 * @see Abramowitz and Stegun 1964, 26.5.8 and 26.5.24
 */
export function binomialUpperTail(k: number, n: number, odds: Odds): number {
  const { win, lose } = odds;
  if (k <= 0) return 1;
  if (k > n) return 0;
  if (win === 0 || lose === 0) return win === 0 ? 0 : 1;
  const a = k;
  const b = n - k + 1;
  // Above the mean the tail itself is the small side; below, the rest is.
  if (win * (a + b + 2) < a + 1) return binomialMass(k, n, odds) * lose * betaFraction(a, b, win);
  return 1 - binomialMass(k - 1, n, odds) * win * betaFraction(b, a, lose);
}

/** The continued fraction of I_x(a, b) without its factor x^a (1 − x)^b / (a B(a, b)), by Lentz's method. */
function betaFraction(a: number, b: number, x: number): number {
  const floor = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / floor(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  // It takes about the square root of the larger of a and b.
  for (let m = 1; m < 1_000_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / floor(1 + even * d);
    c = floor(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / floor(1 + odd * d);
    c = floor(1 + odd / c);
    const factor = d * c;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return fraction;
}

/** log of the one, which may be too close to 1 to be told from it, by the other. */
function logOf(value: number, other: number): number {
  return other < 0.5 ? Math.log1p(-other) : Math.log(value);
}

/** log n! − log(√(2πn) (n/e)ⁿ), n ≥ 1. */
function stirlingError(n: number): number {
  if (n <= 15) {
    let factorial = 1;
    for (let k = 2; k <= n; k += 1) factorial *= k;
    return Math.log(factorial) - (n + 0.5) * Math.log(n) + n - Math.log(2 * Math.PI) / 2;
  }
  const square = 1 / (n * n);
  // The asymptotic series; at n = 16 the first term left out is 1e-17.
  const series = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360_360, 1 / 156];
  return series.reduceRight((sum, term) => sum * square + term, 0) / n;
}

/** x log(x/mean) + mean − x, without cancellation where x is near the mean. */
function deviance(x: number, mean: number): number {
  const difference = x - mean;
  if (Math.abs(difference) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - difference;
  const v = difference / (x + mean);
  let sum = difference * v;
  let term = 2 * x * v;
  for (let j = 1; j < 1_000; j += 1) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}
