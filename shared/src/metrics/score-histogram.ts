import { SottoError } from '../errors/index.ts';
import type { CalibrationBin } from './calibration.ts';
import { deltaFigure } from './delta-figure.ts';
import { z95, type Figure } from './interval.ts';

/** How many rows of each class have their score in each of equally wide bins over [0, 1]; exact or noisy. */
export type ScoreHistogram = { readonly positives: ArrayLike<number>; readonly negatives: ArrayLike<number> };

/** The bin of a score: min(floor(score · bins), bins - 1). */
export function scoreBin(score: number, bins: number): number {
  if (!(score >= 0 && score <= 1)) {
    throw new SottoError('INVALID_INPUT', `score: expected a number in [0, 1], got ${score}`);
  }
  return Math.min(Math.floor(score * bins), bins - 1);
}

/**
 * The histogram of scores.
 * @param labels - 0 or 1, [rows].
 * @throws {INVALID_INPUT} when the lengths differ or a score lies outside [0, 1].
 */
export function scoreHistogram(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins: number,
): { readonly positives: Float64Array; readonly negatives: Float64Array } {
  if (scores.length !== labels.length) {
    throw new SottoError('INVALID_INPUT', `histogram: ${labels.length} labels, got ${scores.length} scores`);
  }
  const positives = new Float64Array(bins);
  const negatives = new Float64Array(bins);
  for (let row = 0; row < scores.length; row++) {
    (labels[row] === 1 ? positives : negatives)[scoreBin(scores[row]!, bins)]! += 1;
  }
  return { positives, negatives };
}

/** A figure of a histogram; its interval holds what the binning hides as well as sampling and noise. */
export type HistogramFigure = Figure & {
  /** Between these lies the figure of the scores themselves, were counts exact. */
  readonly binned: { readonly low: number; readonly high: number };
};

/**
 * Area under the ROC curve from a histogram: scores of one bin count as tied, which is off by at most half of the pairs that share
 * a bin. Null where a class is not told apart from empty at 95 %.
 *
 * Sampling is by the structural components of the two classes; noise by its first-order part in the same components and its
 * second-order part, which grows with the number of bins: with noise choose bins in the tens.
 *
 * @param noiseStd - standard deviation of the noise in each bin's count, one for all or one for each class.
 * @see DeLong, DeLong, Clarke-Pearson 1988, §2 (components); Hanley, McNeil 1982 for ties.
 */
export function histogramAuroc(
  histogram: ScoreHistogram,
  noiseStd: number | { readonly positives: number; readonly negatives: number } = 0,
): HistogramFigure | null {
  const noises = typeof noiseStd === 'number' ? { positives: noiseStd, negatives: noiseStd } : noiseStd;
  const totals = totalsOf(histogram, noises);
  if (totals === null) return null;
  const { bins, positives: p, negatives: n } = totals;
  const { positives, negatives } = histogram;
  let [below, pairs, together] = [0, 0, 0];
  /** Share of negatives below a bin's positives, ties half; and of positives above a bin's negatives. */
  const beat = new Float64Array(bins);
  const lose = new Float64Array(bins);
  for (let bin = 0; bin < bins; bin++) {
    beat[bin] = (below + negatives[bin]! / 2) / n;
    pairs += positives[bin]! * beat[bin]!;
    together += positives[bin]! * negatives[bin]!;
    below += negatives[bin]!;
  }
  let above = 0;
  for (let bin = bins - 1; bin >= 0; bin--) {
    lose[bin] = (above + positives[bin]! / 2) / p;
    above += positives[bin]!;
  }
  const auroc = pairs / p;
  let [sampling, noise] = [0, 0];
  for (let bin = 0; bin < bins; bin++) {
    const byPositive = ((beat[bin]! - auroc) / p) ** 2;
    const byNegative = ((lose[bin]! - auroc) / n) ** 2;
    sampling += Math.max(0, positives[bin]!) * byPositive + Math.max(0, negatives[bin]!) * byNegative;
    noise += noises.positives ** 2 * byPositive + noises.negatives ** 2 * byNegative;
  }
  const together4 = (noises.positives * noises.negatives) ** 2;
  noise += ((together4 * (bins * (bins - 1))) / 2 + (together4 * bins) / 4) / (p * n) ** 2;
  return withBinning(auroc, Math.max(0, together / 2 / (p * n)), sampling, noise);
}

function withBinning(value: number, bound: number, sampling: number, noise: number): HistogramFigure {
  const clip = (x: number): number => Math.min(1, Math.max(0, x));
  const half = z95 * Math.sqrt(sampling + noise);
  return {
    value: clip(value),
    low: clip(value - bound - half),
    high: clip(value + bound + half),
    noiseHalfWidth: z95 * Math.sqrt(noise),
    binned: { low: clip(value - bound), high: clip(value + bound) },
  };
}

/**
 * Area under the precision-recall curve (average precision) from a histogram, scores of one bin counting as tied. Its bounds put
 * all negatives of a bin before its positives, and all of them behind. Null where a class is not told apart from empty at 95 %.
 *
 * @param noiseStd - standard deviation of the noise in each bin's count.
 * @see Davis, Goadrich 2006, §4; Boyd, Eng, Page 2013 on intervals.
 */
export function histogramAveragePrecision(histogram: ScoreHistogram, noiseStd = 0): HistogramFigure | null {
  const totals = totalsOf(histogram, { positives: noiseStd, negatives: noiseStd });
  if (totals === null) return null;
  const { bins } = totals;
  const counts = Float64Array.from({ length: 2 * bins }, (_, i) =>
    i < bins ? histogram.positives[i]! : histogram.negatives[i - bins]!,
  );
  const figure = deltaFigure(counts, noiseStd, (cells) => precisionArea(cells, bins, 'tied'), { low: 0, high: 1 });
  if (figure === null) return null;
  const low = Math.min(figure.value, precisionArea(counts, bins, 'worst'));
  const high = Math.max(figure.value, precisionArea(counts, bins, 'best'));
  return {
    ...figure,
    low: Math.max(0, figure.low - (figure.value - low)),
    high: Math.min(1, figure.high + (high - figure.value)),
    binned: { low, high },
  };
}

/**
 * Sum over falling bins of positives × precision, over the positives. Noisy counts enter as they are, below 0 too: cut off at 0,
 * the noise of empty bins would add rows that are not there. Only precision is kept within [0, 1].
 *
 * @param order - how the rows of one bin stand to one another.
 */
function precisionArea(counts: Float64Array, bins: number, order: 'tied' | 'best' | 'worst'): number {
  let [hits, misses, area] = [0, 0, 0];
  for (let bin = bins - 1; bin >= 0; bin--) {
    const p = counts[bin]!;
    const n = counts[bins + bin]!;
    const before = order === 'best' ? misses : misses + n;
    if (order === 'worst' && p > 0 && hits >= 0 && before > 0) {
      // ∫₀ᵖ (hits + x) / (hits + x + before) dx, at most the sum over the bin's positives one by one.
      area += p - before * Math.log((hits + p + before) / (hits + before));
    } else area += p * precision(hits + p, before);
    hits += p;
    misses += n;
  }
  return area / hits;
}

function precision(hits: number, misses: number): number {
  if (hits <= 0) return 0;
  return misses <= 0 ? 1 : hits / (hits + misses);
}

/**
 * Bins of a calibration from a histogram: a score counts as the middle of its bin, which is off by at most half a bin's width, and
 * so is the ECE. The histogram must have a multiple of the bins.
 *
 * @throws {INVALID_INPUT} when it has not.
 */
export function calibrationOfHistogram(histogram: ScoreHistogram, bins: number): readonly CalibrationBin[] {
  const all = histogram.positives.length;
  if (bins < 1 || all % bins !== 0 || histogram.negatives.length !== all) {
    throw new SottoError('INVALID_INPUT', `calibration: expected a multiple of ${bins} bins, got ${all}`);
  }
  const inOne = all / bins;
  return Array.from({ length: bins }, (_, bin) => {
    let [count, sumConfidence, sumCorrect] = [0, 0, 0];
    for (let i = bin * inOne; i < (bin + 1) * inOne; i++) {
      const rows = histogram.positives[i]! + histogram.negatives[i]!;
      count += rows;
      sumConfidence += (rows * (i + 0.5)) / all;
      sumCorrect += histogram.positives[i]!;
    }
    return { count, sumConfidence, sumCorrect };
  });
}

function totalsOf(
  { positives, negatives }: ScoreHistogram,
  noiseStd: { readonly positives: number; readonly negatives: number },
) {
  const bins = positives.length;
  if (negatives.length !== bins || bins === 0) {
    throw new SottoError('INVALID_INPUT', `histogram: ${bins} bins of positives, got ${negatives.length} of negatives`);
  }
  const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);
  const [p, n] = [sum(positives), sum(negatives)];
  const least = z95 * Math.sqrt(bins);
  return p > least * noiseStd.positives && n > least * noiseStd.negatives ? { bins, positives: p, negatives: n } : null;
}
