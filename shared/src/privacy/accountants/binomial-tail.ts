/** log(n!) − log(Stirling's formula), to full precision. @see Loader 2000, "Fast and accurate computation of binomial probabilities" */
function stirlingError(n: number): number {
  if (n < 16) {
    let logFactorial = 0;
    for (let k = 2; k <= n; k += 1) logFactorial += Math.log(k);
    return n === 0 ? 0 : logFactorial - (n + 0.5) * Math.log(n) + n - Math.log(2 * Math.PI) / 2;
  }
  const square = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1_260 - (1 / 1_680 - 1 / 1_188 / square) / square) / square) / square) / n;
}

/** x·log(x/m) + m − x without cancellation. */
function deviance(x: number, m: number): number {
  if (Math.abs(x - m) >= 0.1 * (x + m)) return x * Math.log(x / m) + m - x;
  const v = (x - m) / (x + m);
  let sum = (x - m) * v;
  let power = 2 * x * v;
  for (let j = 1; j < 1_000; j += 1) {
    power *= v * v;
    const next = sum + power / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

function binomialMass(n: number, k: number, p: number): number {
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  const log =
    stirlingError(n) -
    stirlingError(k) -
    stirlingError(n - k) -
    deviance(k, n * p) -
    deviance(n - k, n * (1 - p)) +
    0.5 * Math.log(n / (2 * Math.PI * k * (n - k)));
  return Math.exp(log);
}

/**
 * P(X ≥ k) of the binomial distribution, to a relative 1e-12: the smaller tail is summed from its largest term.
 *
 * @param n - trials, a whole number ≥ 0
 * @param k - whole
 * @param p - in [0, 1]
 */
export function binomialTail(n: number, k: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n || p === 0) return 0;
  if (p === 1) return 1;
  if (k > n * p) {
    let sum = 0;
    let term = binomialMass(n, k, p);
    for (let j = k; j <= n && term > sum * 1e-17; j += 1) {
      sum += term;
      term *= ((n - j) / (j + 1)) * (p / (1 - p));
    }
    return Math.min(1, sum);
  }
  let below = 0;
  let term = binomialMass(n, k - 1, p);
  for (let j = k - 1; j >= 0 && term > below * 1e-17; j -= 1) {
    below += term;
    term *= (j / (n - j + 1)) * ((1 - p) / p);
  }
  return Math.max(0, 1 - below);
}
