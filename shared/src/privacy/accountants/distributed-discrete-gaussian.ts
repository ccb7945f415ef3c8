/** What the distributed discrete Gaussian comes to, in units of the clip squared where it has one. */
export type DistributedDiscreteGaussian = {
  readonly l2SensitivitySquared: number;
  /** How far a sum of discrete Gaussians is from being one, per coordinate. */
  readonly tau: number;
  readonly rhoPerRound: number;
};

/**
 * Concentrated DP of a sum of stochastically rounded vectors, each with discrete Gaussian noise: ρ = ε²/2 with
 * ε = min(√(Δ²/nσ² + τd/2), Δ/(√n·σ) + τ√d), τ = 10·Σ_{k=1}^{n−1} e^{−2π²(σ/γ)²·k/(k+1)} and
 * Δ² = min(c² + γ²d/4 + √(2 log 1/β)·γ(c + γ√d/2), (c + γ√d)²). n counts the shares that arrived.
 *
 * @see Kairouz, Liu & Steinke 2021, arXiv 2102.06387, Theorem 1
 */
export function distributedDiscreteGaussian(event: {
  readonly clip: number;
  readonly granularity: number;
  readonly dimension: number;
  readonly beta: number;
  readonly noisyClients: number;
  readonly localStddev: number;
}): DistributedDiscreteGaussian {
  const { clip, granularity, dimension, beta, noisyClients, localStddev } = event;
  const root = Math.sqrt(dimension);
  const worst = (clip + granularity * root) ** 2;
  const rounded =
    clip ** 2 +
    (granularity ** 2 * dimension) / 4 +
    Math.sqrt(-2 * Math.log(beta)) * granularity * (clip + (granularity * root) / 2);
  const l2SensitivitySquared = beta > 0 ? Math.min(rounded, worst) : worst;
  const steps = (localStddev / granularity) ** 2;
  let tau = 0;
  for (let k = 1; k < noisyClients; k += 1) tau += 10 * Math.exp((-2 * Math.PI ** 2 * steps * k) / (k + 1));
  const perNoise = l2SensitivitySquared / (noisyClients * localStddev ** 2);
  const epsilon = Math.min(Math.sqrt(perNoise + (tau * dimension) / 2), Math.sqrt(perNoise) + tau * root);
  const rhoPerRound = noisyClients === 0 || localStddev === 0 ? Infinity : (epsilon ** 2 / 2) * (1 + 1e-14);
  return { l2SensitivitySquared, tau, rhoPerRound };
}
