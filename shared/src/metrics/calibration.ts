import { SottoError } from '../errors/index.ts';
import { z95, type Figure } from './interval.ts';

/** What is summed of the rows whose confidence falls into one bin: how many, their confidences, how many came true. */
export type CalibrationBin = { readonly count: number; readonly sumConfidence: number; readonly sumCorrect: number };

/** Standard deviations of the noise in each bin's three sums; 0 without. */
export type CalibrationNoise = { readonly count: number; readonly sumConfidence: number; readonly sumCorrect: number };

/**
 * Bins of equal width over [0, 1], each open below and closed above, the first closed on both sides.
 *
 * @param confidences - in [0, 1]: the positive class's probability, or that of the predicted class.
 * @param correct - 1 where it came true (the label), else 0.
 * @throws {INVALID_INPUT} when the lengths differ or a confidence lies outside [0, 1].
 */
export function calibrationBins(
  confidences: ArrayLike<number>,
  correct: ArrayLike<number>,
  bins: number,
): readonly CalibrationBin[] {
  if (confidences.length !== correct.length) {
    throw new SottoError(
      'INVALID_INPUT',
      `calibration: ${correct.length} outcomes, got ${confidences.length} confidences`,
    );
  }
  const sums = Array.from({ length: bins }, () => ({ count: 0, sumConfidence: 0, sumCorrect: 0 }));
  for (let row = 0; row < confidences.length; row++) {
    const confidence = confidences[row]!;
    if (!(confidence >= 0 && confidence <= 1)) {
      throw new SottoError('INVALID_INPUT', `calibration: expected a confidence in [0, 1], got ${confidence}`);
    }
    const sum = sums[Math.max(0, Math.ceil(confidence * bins) - 1)]!;
    sum.count += 1;
    sum.sumConfidence += confidence;
    sum.sumCorrect += correct[row]!;
  }
  return sums;
}

/** How far confidences are from what came true. */
export type CalibrationFigures = {
  /** Expected calibration error: the bins' gaps, weighted by their rows. */
  readonly ece: Figure;
  /** Largest gap of a bin that has rows. */
  readonly mce: number;
  /** Below this, 95 % of perfectly calibrated models of that size and noise show their ECE: no sign of a fault. */
  readonly floor: number;
};

/**
 * Expected calibration error of binned sums, Σ |sumCorrect - sumConfidence| / n. Null where the noisy number of rows is not told
 * apart from 0 at 95 %.
 *
 * Absolute gaps only grow by sampling and noise, so the interval reaches further down than up: below the value by the mean of what
 * these alone would show.
 *
 * @see Naeini, Cooper, Hauskrecht 2015, §3; Guo et al. 2017, eq. 3; Nixon et al. 2019 on the bias.
 */
export function calibrationFigures(
  bins: readonly CalibrationBin[],
  noise: CalibrationNoise = { count: 0, sumConfidence: 0, sumCorrect: 0 },
): CalibrationFigures | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (!(total > 0) || total <= z95 * noise.count * Math.sqrt(bins.length)) return null;
  const noiseVariance = noise.sumConfidence ** 2 + noise.sumCorrect ** 2;
  let [gaps, mce, variance, absolute] = [0, 0, 0, 0];
  for (const { count, sumConfidence, sumCorrect } of bins) {
    const gap = Math.abs(sumCorrect - sumConfidence);
    gaps += gap;
    if (count > z95 * noise.count) mce = Math.max(mce, gap / count);
    // A row's gap has at most the variance of its outcome; confidences stand for the chances.
    const chance = count > 0 ? Math.min(1, Math.max(0, sumConfidence / count)) : 0;
    const binVariance = Math.max(0, count) * chance * (1 - chance) + noiseVariance;
    variance += binVariance;
    absolute += Math.sqrt((2 * binVariance) / Math.PI);
  }
  const value = Math.min(1, gaps / total);
  const half = (z95 * Math.sqrt(variance)) / total;
  return {
    ece: {
      value,
      low: Math.max(0, value - absolute / total - half),
      high: Math.min(1, value + half),
      noiseHalfWidth: (z95 * Math.sqrt(noiseVariance * bins.length)) / total,
    },
    mce: Math.min(1, mce),
    // A half-normal has mean √(2/π) and variance 1 - 2/π of its deviation.
    floor: (absolute + 1.6448536269514722 * Math.sqrt(variance * (1 - 2 / Math.PI))) / total,
  };
}
