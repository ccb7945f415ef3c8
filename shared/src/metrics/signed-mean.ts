import { SottoError } from '../errors/index.ts';
import { z95, type Figure } from './interval.ts';

/** A noisy sum of values in [-max, max] and the noisy number of them, with independent noise of known deviations. */
export type NoisySignedSum = {
  readonly sum: number;
  readonly count: number;
  readonly max: number;
  /** What the mean of the values' squares cannot pass, where more is known than max². */
  readonly meanSquareMax?: number;
  readonly sumNoiseStd: number;
  readonly countNoiseStd: number;
};

/**
 * The mean sum / count of values of either sign with a 95 % interval. Their variance is not released, so sampling uses its largest
 * possible, the bound on the mean square less the mean's square; the noise is by the delta method. Null when the noisy count is not told
 * apart from 0 at 95 %.
 *
 * @throws {INVALID_INPUT} when a number is not finite or a deviation is negative.
 */
export function signedMeanFigure(noisy: NoisySignedSum): Figure | null {
  const { sum, count, max, meanSquareMax = max * max, sumNoiseStd, countNoiseStd } = noisy;
  for (const [name, value] of Object.entries({ sum, count, max, meanSquareMax, sumNoiseStd, countNoiseStd })) {
    if (!Number.isFinite(value)) {
      throw new SottoError('INVALID_INPUT', `figure: expected a finite ${name}, got ${value}`);
    }
  }
  if (Math.min(max, sumNoiseStd, countNoiseStd) < 0) {
    throw new SottoError(
      'INVALID_INPUT',
      `figure: expected no negative deviation or bound, got ${max}, ${sumNoiseStd}`,
    );
  }
  if (count <= 0 || count <= z95 * countNoiseStd) return null;
  const mean = Math.min(max, Math.max(-max, sum / count));
  const variance = Math.max(0, Math.min(max * max, meanSquareMax) - mean * mean);
  const noiseHalfWidth = (z95 * Math.hypot(sumNoiseStd, mean * countNoiseStd)) / count;
  const half = Math.hypot(z95 * Math.sqrt(variance / count), noiseHalfWidth);
  return { value: mean, low: Math.max(-max, mean - half), high: Math.min(max, mean + half), noiseHalfWidth };
}
