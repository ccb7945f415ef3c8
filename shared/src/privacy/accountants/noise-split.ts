import { SottoError } from '../../errors/index.ts';

/** Standard deviation of the clipped count's noise as a share of the cohort, where none is given. */
const defaultShare = 1 / 20;

/**
 * The noise of an adaptively clipped round, split between the sum of updates and the count of clipped ones, so that both
 * together cost what one sum of noise multiplier z costs: z⁻² = z_Δ⁻² + (2σ_b)⁻². Each client's bit is b − 1/2, so the
 * count's sensitivity is 1/2.
 *
 * @param noiseMultiplier - z of the round, > 0
 * @param clientsPerRound - expected cohort, for the default σ_b of a twentieth of it
 * @param clippedCountStddev - σ_b, std of the count's noise
 * @returns σ_b and z_Δ, the noise multiplier of the sum
 * @throws {INVALID_INPUT} when z ≥ 2σ_b (the count alone would cost more), or a number is out of range
 * @see Andrew, Thakkar, McMahan & Ramaswamy 2021, arXiv 1905.03871, Theorem 1
 */
export function noiseSplit(
  noiseMultiplier: number,
  clientsPerRound: number,
  clippedCountStddev: number | null = null,
): { clippedCountStddev: number; updateNoiseMultiplier: number } {
  const stddev = clippedCountStddev ?? clientsPerRound * defaultShare;
  for (const [field, value] of Object.entries({ noiseMultiplier, clientsPerRound, clippedCountStddev: stddev })) {
    if (!(value > 0 && value < Infinity)) {
      throw new SottoError('INVALID_INPUT', `${field} ${value}: expected a finite number above 0`);
    }
  }
  if (noiseMultiplier >= 2 * stddev) {
    throw new SottoError(
      'INVALID_INPUT',
      `Quantile noise too small: raise clippedCountStddev above z/2 (z ${noiseMultiplier}, clippedCountStddev ${stddev})`,
    );
  }
  const ratio = noiseMultiplier / (2 * stddev);
  return {
    clippedCountStddev: stddev,
    updateNoiseMultiplier: noiseMultiplier / Math.sqrt((1 - ratio) * (1 + ratio)),
  };
}
