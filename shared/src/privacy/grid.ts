import { SottoError } from '../errors/index.ts';
import { gridStepsPerRms } from './part-spec.ts';
import type { MechanismEvent } from './mechanism-event.ts';

/** Smallest standard deviation, in grid steps, of one client's noise share: below it the shares' sum is not proven Gaussian. */
export const minNoiseStdSteps = 4;

const largestSquare = 2 ** 53;

/**
 * The integer grid on which one unit's vector is counted: γ = C / (S√d) and D = ⌊S√d⌋ with S = 1,024 steps per
 * root-mean-square coordinate (soundness.md §2.3.1).
 *
 * @param clipNormL2 - C, bound on one unit's real vector, finite and > 0
 * @param dimension - d, number of coordinates, a whole number ≥ 1
 * @returns γ, the real value of one step, and D, the bound on one unit's vector in steps, with D² ≤ 2^53
 * @throws {INVALID_INPUT} when C or d is out of range, or D² would pass 2^53 (d > 2^33)
 */
export function gridFor(clipNormL2: number, dimension: number): { gridStep: number; normBoundSteps: number } {
  if (!(clipNormL2 > 0) || !Number.isFinite(clipNormL2)) {
    throw new SottoError('INVALID_INPUT', `clipNormL2 ${clipNormL2}: expected a finite number above 0`);
  }
  if (!Number.isInteger(dimension) || dimension < 1) {
    throw new SottoError('INVALID_INPUT', `dimension ${dimension}: expected a whole number of at least 1`);
  }
  const normSteps = gridStepsPerRms * Math.sqrt(dimension);
  const normBoundSteps = Math.floor(normSteps);
  if (normBoundSteps * normBoundSteps > largestSquare) {
    throw new SottoError(
      'INVALID_INPUT',
      `dimension ${dimension}: squared norm of ${normBoundSteps} steps passes 2^53`,
    );
  }
  const gridStep = clipNormL2 / normSteps;
  // Below the normal range of doubles 1/γ would overflow and every vector would count as zero.
  if (!(gridStep >= 1e-290)) {
    throw new SottoError(
      'INVALID_INPUT',
      `clipNormL2 ${clipNormL2}: too small for ${normBoundSteps} steps, least 1e-290 a step`,
    );
  }
  return { gridStep, normBoundSteps };
}

/**
 * Variance, in steps², of the noise that one party adds to each coordinate so that the part of it which `colluding`
 * others do not know has z·D as its standard deviation: v = z²D² / (minSurvivors − colluding) where the clients share
 * the noise out, z²D² where the coordinator or each client adds all of it (soundness.md §2.3.3).
 *
 * @throws {INVALID_INPUT} when √v < 4 steps, or colluding is not below minSurvivors
 */
export function noiseVarianceSteps(
  event: Pick<MechanismEvent, 'noiseMultiplier' | 'normBoundSteps' | 'noise' | 'minSurvivors' | 'colluding'>,
): number {
  const honest = event.minSurvivors - event.colluding;
  if (honest < 1) {
    throw new SottoError(
      'INVALID_INPUT',
      `colluding ${event.colluding}: expected less than minSurvivors ${event.minSurvivors}`,
    );
  }
  const stdSteps = event.noiseMultiplier * event.normBoundSteps;
  const shares = event.noise === 'distributedDiscreteGaussian' ? honest : 1;
  const variance = (stdSteps * stdSteps) / shares;
  if (!(variance >= minNoiseStdSteps ** 2) || !Number.isFinite(variance)) {
    throw new SottoError(
      'INVALID_INPUT',
      `noise share of ${Math.sqrt(variance)} steps (noiseMultiplier ${event.noiseMultiplier}, ${event.normBoundSteps} steps): expected at least ${minNoiseStdSteps}`,
    );
  }
  return variance;
}
