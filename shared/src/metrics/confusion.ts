import { SottoError } from '../errors/index.ts';
import { meanOfFigures } from './combine-figures.ts';
import { deltaFigure } from './delta-figure.ts';
import type { Figure } from './interval.ts';
import { proportionFigure } from './noisy-ratio.ts';

/** Counts of a binary prediction, exact or noisy: what was predicted positive (p) or negative (n), rightly (t) or not (f). */
export type ConfusionCounts = {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
};

const signed = { low: -1, high: 1 };

/** Figures of a confusion; null where the counts cannot tell: no row, or fewer than the noise. */
export type ConfusionFigures = {
  readonly accuracy: Figure | null;
  /** Mean of recall and specificity. */
  readonly balancedAccuracy: Figure | null;
  readonly precision: Figure | null;
  readonly recall: Figure | null;
  readonly specificity: Figure | null;
  readonly f1: Figure | null;
  /** Matthews' correlation, in [-1, 1]. */
  readonly mcc: Figure | null;
};

/**
 * Figures of a binary confusion with intervals that hold sampling and noise.
 *
 * @param noiseStd - standard deviation of the noise in each count, in units; 0 for exact counts.
 * @see Brodersen et al. 2010 (balanced accuracy); Matthews 1975; van Rijsbergen 1979, ch. 7 (F1).
 * @throws {INVALID_INPUT} when a number is not finite or the deviation is negative.
 */
export function confusionFigures({ tp, fp, fn, tn }: ConfusionCounts, noiseStd = 0): ConfusionFigures {
  const recall = proportionFigure({ correct: tp, incorrect: fn, noiseStd });
  const specificity = proportionFigure({ correct: tn, incorrect: fp, noiseStd });
  return {
    accuracy: proportionFigure({ correct: tp + tn, incorrect: fp + fn, noiseStd: Math.SQRT2 * noiseStd }),
    balancedAccuracy: recall === null || specificity === null ? null : meanOfFigures([recall, specificity]),
    precision: proportionFigure({ correct: tp, incorrect: fp, noiseStd }),
    recall,
    specificity,
    f1: f1Figure(tp, fp + fn, noiseStd, Math.SQRT2 * noiseStd),
    mcc: deltaFigure([tn, fp, fn, tp], noiseStd, (cells) => matrixCorrelation(cells, 2), signed, 0.5),
  };
}

/** F1 = 2 J / (1 + J) of the share J = tp / (tp + fp + fn): it grows with J, so its interval is that of J, carried over. */
function f1Figure(hits: number, misses: number, hitStd: number, missStd: number): Figure | null {
  const share = proportionFigure({ correct: hits, incorrect: misses, noiseStd: hitStd, incorrectNoiseStd: missStd });
  if (share === null) return null;
  const carry = (j: number): number => (2 * j) / (1 + j);
  return {
    value: carry(share.value),
    low: carry(share.low),
    high: carry(share.high),
    noiseHalfWidth: (2 * share.noiseHalfWidth) / (1 + share.value) ** 2,
  };
}

/** Figures of a confusion matrix of several classes. */
export type MatrixFigures = {
  readonly accuracy: Figure | null;
  /** Mean recall of the classes that have rows. */
  readonly balancedAccuracy: Figure | null;
  readonly f1Macro: Figure | null;
  readonly f1Weighted: Figure | null;
  readonly mcc: Figure | null;
  /** Cohen's kappa. */
  readonly kappa: Figure | null;
  readonly classes: readonly {
    readonly precision: Figure | null;
    readonly recall: Figure | null;
    readonly f1: Figure | null;
    /** Rows of the class, noise included. */
    readonly rows: number;
  }[];
};

/**
 * Figures of a confusion matrix with intervals that hold sampling and noise.
 *
 * @param matrix - row-major [classes, classes]: the row is the true class, the column the predicted one.
 * @param noiseStd - standard deviation of the noise in each cell.
 * @see Gorodkin 2004 (the correlation of several classes); Cohen 1960; Opitz, Burst 2019 for the macro F1 as a mean of F1s.
 * @throws {INVALID_INPUT} when the matrix has not classes² cells.
 */
export function matrixFigures(matrix: ArrayLike<number>, classes: number, noiseStd = 0): MatrixFigures {
  if (matrix.length !== classes * classes || classes < 2) {
    throw new SottoError(
      'INVALID_INPUT',
      `confusion: expected ${classes}² cells of 2 classes or more, got ${matrix.length}`,
    );
  }
  const { rows, columns, hits } = sumsOf(matrix, classes);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const right = hits.reduce((sum, count) => sum + count, 0);
  const restStd = noiseStd * Math.sqrt(classes - 1);
  const each = Array.from(hits, (hit, i) => ({
    precision: proportionFigure({ correct: hit, incorrect: columns[i]! - hit, noiseStd, incorrectNoiseStd: restStd }),
    recall: proportionFigure({ correct: hit, incorrect: rows[i]! - hit, noiseStd, incorrectNoiseStd: restStd }),
    f1: f1Figure(hit, rows[i]! + columns[i]! - 2 * hit, noiseStd, Math.SQRT2 * restStd),
    rows: rows[i]!,
  }));
  const unit = { low: 0, high: 1 };
  // Two rows over all cells, as in the four of a binary confusion.
  const unseen = 2 / matrix.length;
  return {
    accuracy: proportionFigure({
      correct: right,
      incorrect: total - right,
      noiseStd: noiseStd * Math.sqrt(classes),
      incorrectNoiseStd: noiseStd * Math.sqrt(classes * (classes - 1)),
    }),
    balancedAccuracy: meanOfFigures(each.flatMap(({ recall }) => (recall === null ? [] : [recall]))),
    f1Macro: deltaFigure(matrix, noiseStd, (cells) => meanF1(cells, classes, () => 1), unit, unseen),
    f1Weighted: deltaFigure(matrix, noiseStd, (cells) => meanF1(cells, classes, (count) => count), unit, unseen),
    mcc: deltaFigure(matrix, noiseStd, (cells) => matrixCorrelation(cells, classes), signed, unseen),
    kappa: deltaFigure(matrix, noiseStd, (cells) => kappaOf(cells, classes), signed, unseen),
    classes: each,
  };
}

function sumsOf(matrix: ArrayLike<number>, classes: number) {
  const rows = new Float64Array(classes);
  const columns = new Float64Array(classes);
  const hits = new Float64Array(classes);
  for (let i = 0; i < classes; i++) {
    hits[i] = matrix[i * classes + i]!;
    for (let j = 0; j < classes; j++) {
      rows[i]! += matrix[i * classes + j]!;
      columns[j]! += matrix[i * classes + j]!;
    }
  }
  return { rows, columns, hits };
}

function meanF1(matrix: Float64Array, classes: number, weightOf: (rows: number) => number): number {
  const { rows, columns, hits } = sumsOf(matrix, classes);
  let [sum, weights] = [0, 0];
  for (let i = 0; i < classes; i++) {
    if (rows[i]! + columns[i]! <= 0) continue;
    sum += (weightOf(rows[i]!) * 2 * hits[i]!) / (rows[i]! + columns[i]!);
    weights += weightOf(rows[i]!);
  }
  return sum / weights;
}

/** The covariance of truth and prediction over their deviations; NaN where one of them is constant. */
function matrixCorrelation(matrix: Float64Array, classes: number): number {
  const { rows, columns, hits } = sumsOf(matrix, classes);
  const total = rows.reduce((sum, count) => sum + count, 0);
  let [right, both, ofRows, ofColumns] = [0, 0, 0, 0];
  for (let i = 0; i < classes; i++) {
    right += hits[i]!;
    both += rows[i]! * columns[i]!;
    ofRows += rows[i]! ** 2;
    ofColumns += columns[i]! ** 2;
  }
  return (right * total - both) / Math.sqrt((total ** 2 - ofColumns) * (total ** 2 - ofRows));
}

function kappaOf(matrix: Float64Array, classes: number): number {
  const { rows, columns, hits } = sumsOf(matrix, classes);
  const total = rows.reduce((sum, count) => sum + count, 0);
  let [right, byChance] = [0, 0];
  for (let i = 0; i < classes; i++) {
    right += hits[i]! / total;
    byChance += (rows[i]! * columns[i]!) / total ** 2;
  }
  return (right - byChance) / (1 - byChance);
}
