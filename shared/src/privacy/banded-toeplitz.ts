import type { MechanismEvent } from './mechanism-event.ts';

/**
 * Coefficients of the banded Toeplitz matrix C whose inverse correlates the noise of rounds: c_j = binom(2j, j) / 4^j for j < bands,
 * the expansion of the square root of the prefix-sum matrix. Made by × and ÷ in a fixed order, so a replay has the same bits.
 * @see Fichtenberger, Henzinger, Upadhyay 2023 (arXiv 2202.11205); Choquette-Choo et al. 2023 (arXiv 2306.08153) for bands.
 */
export function bandCoefficients(bands: number): readonly number[] {
  const coefficients = [1];
  for (let age = 1; age < bands; age++) coefficients.push((coefficients[age - 1]! * (2 * age - 1)) / (2 * age));
  return coefficients;
}

/** D_j = ⌊c_j·D⌋: what one unit's vector, c_j of it sent again, can amount to in steps. */
export function bandNormSteps(normBoundSteps: number, coefficient: number): number {
  return Math.floor(coefficient * normBoundSteps);
}

/**
 * What a round costs a unit of which c_j of a vector is in the sum: the same noise z·D over a norm of D_j, so a Gaussian of noise
 * multiplier z·D / D_j ≥ z / c_j. A run's events together are the banded mechanism: docs/decisions/0008.
 */
export function bandEvent(event: MechanismEvent, coefficient: number): MechanismEvent {
  if (coefficient === 1) return event;
  const normBoundSteps = bandNormSteps(event.normBoundSteps, coefficient);
  const noiseMultiplier = (event.noiseMultiplier * event.normBoundSteps) / normBoundSteps;
  return { ...event, normBoundSteps, noiseMultiplier };
}
