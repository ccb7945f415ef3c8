import { logDeltaOfRdp } from './rdp-to-epsilon.ts';

/**
 * RDP of running a mechanism a random number of times and giving out the best run alone.
 *
 * Truncated negative binomial of shape η and success γ: ε'(λ) = ε(λ) + (1+η)·min_λ̂ [(1 − 1/λ̂)ε(λ̂) + log(1/γ)/λ̂] +
 * log(mean)/(λ−1). Poisson: ε'(λ) = ε(λ) + mean·δ̂ + log(mean)/(λ−1), with δ̂ that of one run at ε̂ = log(1 + 1/(λ−1)).
 *
 * @param rdp - of one run, at `orders`
 * @param mean - of the number of runs, ≥ 1
 * @param shape - η ≥ 0 (1 is geometric, 0 logarithmic), or Poisson
 * @see Papernot & Steinke 2022, arXiv 2110.03620, Theorems 2 and 6
 */
export function repeatAndSelectRdp(
  orders: readonly number[],
  rdp: readonly number[],
  mean: number,
  shape: number | 'poisson',
): number[] {
  const logMean = Math.log(mean);
  if (shape === 'poisson') {
    return orders.map((order, index) => {
      const delta = Math.exp(logDeltaOfRdp(orders, rdp, Math.log1p(1 / (order - 1))).logDelta);
      return (rdp[index] ?? Infinity) + mean * delta + logMean / (order - 1);
    });
  }
  const logGamma = Math.log(successOf(shape, mean));
  let least = Infinity;
  orders.forEach((order, index) => {
    least = Math.min(least, (1 - 1 / order) * (rdp[index] ?? Infinity) - logGamma / order);
  });
  const values = orders.map((order, index) => (rdp[index] ?? Infinity) + logMean / (order - 1) + (1 + shape) * least);
  // RDP grows with its order.
  return orders.map((order) =>
    values.reduce(
      (smallest, value, index) => ((orders[index] ?? 0) >= order ? Math.min(smallest, value) : smallest),
      Infinity,
    ),
  );
}

/** γ at which the truncated negative binomial has this mean, rounded down, which is upward for ε. */
function successOf(shape: number, mean: number): number {
  if (shape === 1) return 1 / mean;
  let low = 0;
  let high = 1;
  for (let halving = 0; halving < 200 && high > low * (1 + 1e-13); halving += 1) {
    const middle = (low + high) / 2;
    if (meanOf(shape, middle) < mean) high = middle;
    else low = middle;
  }
  return low;
}

/** η(1/γ − 1)/(1 − γ^η), for η = 0 its limit (1/γ − 1)/log(1/γ). */
function meanOf(shape: number, gamma: number): number {
  if (gamma === 1) return 1;
  const odds = (1 - gamma) / gamma;
  const logInverse = -Math.log1p(gamma - 1);
  return shape === 0 ? odds / logInverse : (shape * odds) / -Math.expm1(-shape * logInverse);
}
