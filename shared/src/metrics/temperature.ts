import { SottoError } from '../errors/index.ts';
import { exp, log } from '../model/elementary.ts';
import { z95, type Figure } from './interval.ts';
import type { ScoreHistogram } from './score-histogram.ts';

/** Inverse temperatures between which the best one is looked for. */
const smallest = 1e-3;
const largest = 1e3;

/**
 * The temperature T > 0 for which softmax(logits / T), or sigmoid of a single logit, has the smallest mean log loss. The loss is
 * convex in 1 / T, and its slope is bisected.
 *
 * @param logits - row-major [rows, outputs].
 * @param targets - class of each row, [rows].
 * @see Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks", §4.2.
 * @throws {INVALID_INPUT} when the lengths do not fit, or where no temperature is best: every row is predicted right, or none
 * better than by chance.
 */
export function fitTemperature(logits: ArrayLike<number>, targets: ArrayLike<number>, outputs: number): number {
  const rows = targets.length;
  if (rows === 0 || logits.length !== rows * outputs) {
    throw new SottoError(
      'INVALID_INPUT',
      `temperature: ${rows} rows of ${outputs} logits, got ${logits.length} values`,
    );
  }
  const scaled = new Float64Array(outputs);
  const slope = (inverse: number): number => {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const at = row * outputs;
      if (outputs === 1) {
        sum += logits[at]! * (1 / (1 + exp(-inverse * logits[at]!)) - targets[row]!);
        continue;
      }
      let most = -Infinity;
      for (let i = 0; i < outputs; i++) most = Math.max(most, inverse * logits[at + i]!);
      let [total, mean] = [0, 0];
      for (let i = 0; i < outputs; i++) {
        scaled[i] = exp(inverse * logits[at + i]! - most);
        total += scaled[i]!;
        mean += scaled[i]! * logits[at + i]!;
      }
      sum += mean / total - logits[at + targets[row]!]!;
    }
    return sum;
  };
  const inverse = rootOf(slope);
  if (inverse === null) {
    throw new SottoError(
      'INVALID_INPUT',
      'temperature: no temperature is best for rows that are all right, or right by chance',
    );
  }
  return 1 / inverse;
}

/**
 * The temperature of a binary model from the histogram of its scores, each counting as the middle of its bin. Null where counts
 * and noise cannot tell it: its interval is not bounded.
 *
 * @param noiseStd - standard deviation of the noise in each bin's count.
 * @see Guo et al. 2017, §4.2; White 1982 for the variance of a minimum (the sandwich).
 */
export function temperatureOfHistogram({ positives, negatives }: ScoreHistogram, noiseStd = 0): Figure | null {
  const bins = positives.length;
  const logitOf = (bin: number): number => log((bin + 0.5) / (bins - bin - 0.5));
  const chance = (inverse: number, logit: number): number => 1 / (1 + exp(-inverse * logit));
  const inverse = rootOf((at) => {
    let sum = 0;
    for (let bin = 0; bin < bins; bin++) {
      const p = chance(at, logitOf(bin));
      sum += logitOf(bin) * (negatives[bin]! * p - positives[bin]! * (1 - p));
    }
    return sum;
  });
  if (inverse === null) return null;
  let [curvature, sampling, slopes] = [0, 0, 0];
  for (let bin = 0; bin < bins; bin++) {
    const logit = logitOf(bin);
    const p = chance(inverse, logit);
    curvature += (positives[bin]! + negatives[bin]!) * logit * logit * p * (1 - p);
    const ofPositive = (logit * (1 - p)) ** 2;
    const ofNegative = (logit * p) ** 2;
    sampling += Math.max(0, positives[bin]!) * ofPositive + Math.max(0, negatives[bin]!) * ofNegative;
    slopes += ofPositive + ofNegative;
  }
  const half = (z95 * Math.sqrt(sampling + noiseStd ** 2 * slopes)) / curvature;
  if (!(curvature > 0) || half >= inverse) return null;
  return {
    value: 1 / inverse,
    low: 1 / (inverse + half),
    high: 1 / (inverse - half),
    noiseHalfWidth: (z95 * noiseStd * Math.sqrt(slopes)) / curvature / inverse ** 2,
  };
}

/** Where a rising slope crosses 0; null where it does not within the range. */
function rootOf(slope: (inverse: number) => number): number | null {
  let [below, above] = [smallest, largest];
  if (!(slope(below) < 0) || !(slope(above) > 0)) return null;
  for (let i = 0; i < 200 && above - below > 1e-12 * above; i++) {
    const middle = Math.sqrt(below * above);
    if (slope(middle) < 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}
