import { SottoError } from '../errors/index.ts';

/**
 * Share of rows predicted right, each row weighing the same; NaN without rows. A single output predicts class 1 above 0.5,
 * several predict the first of the largest.
 *
 * @param probabilities - row-major [rows, outputs].
 * @param targets - class of each row, [rows].
 * @throws {INVALID_INPUT} when the lengths do not fit.
 */
export function accuracyOf(probabilities: ArrayLike<number>, targets: ArrayLike<number>, outputs: number): number {
  if (probabilities.length !== targets.length * outputs) {
    throw new SottoError(
      'INVALID_INPUT',
      `accuracy: expected ${targets.length} rows of ${outputs} outputs, got ${probabilities.length} values`,
    );
  }
  let right = 0;
  for (let row = 0; row < targets.length; row++) {
    if (predictedClass(probabilities, row, outputs) === targets[row]) right += 1;
  }
  return right / targets.length;
}

/** Class that a row's outputs predict. */
export function predictedClass(probabilities: ArrayLike<number>, row: number, outputs: number): number {
  const base = row * outputs;
  if (outputs === 1) return probabilities[base]! > 0.5 ? 1 : 0;
  let best = 0;
  for (let output = 1; output < outputs; output++) {
    if (probabilities[base + output]! > probabilities[base + best]!) best = output;
  }
  return best;
}

/**
 * Area under the ROC curve: the chance that a positive row scores above a negative one, ties counting half. Null when one of
 * the classes has no row.
 *
 * @param scores - [rows], higher for class 1.
 * @param labels - 0 or 1, [rows].
 * @see Mann, Whitney 1947; Hanley, McNeil 1982.
 * @throws {INVALID_INPUT} when the lengths differ or a score is NaN.
 */
export function aucOf(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  requireScores('AUC', scores, labels);
  const order = Array.from({ length: scores.length }, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let negativesBelow = 0;
  let pairs = 0;
  for (let first = 0; first < order.length;) {
    const score = scores[order[first]!]!;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    let end = first;
    for (; end < order.length && scores[order[end]!] === score; end++) {
      if (labels[order[end]!] === 1) tiedPositives += 1;
      else tiedNegatives += 1;
    }
    pairs += tiedPositives * (negativesBelow + tiedNegatives / 2);
    positives += tiedPositives;
    negativesBelow += tiedNegatives;
    first = end;
  }
  return positives === 0 || negativesBelow === 0 ? null : pairs / (positives * negativesBelow);
}

/**
 * Average precision, the area under the precision-recall curve without interpolation: Σ (recall_n - recall_{n-1}) · precision_n
 * over falling thresholds, tied scores at one threshold. Null without a positive row.
 *
 * @param scores - [rows], higher for class 1.
 * @param labels - 0 or 1, [rows].
 * @see Davis, Goadrich 2006, §4, on why it is not interpolated.
 * @throws {INVALID_INPUT} when the lengths differ or a score is NaN.
 */
export function averagePrecisionOf(scores: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  requireScores('average precision', scores, labels);
  const order = Array.from({ length: scores.length }, (_, row) => row).sort((a, b) => scores[b]! - scores[a]!);
  const positives = order.filter((row) => labels[row] === 1).length;
  let found = 0;
  let area = 0;
  for (let first = 0; first < order.length;) {
    const score = scores[order[first]!]!;
    let tied = 0;
    let end = first;
    for (; end < order.length && scores[order[end]!] === score; end++) if (labels[order[end]!] === 1) tied += 1;
    found += tied;
    area += (tied * found) / end;
    first = end;
  }
  return positives === 0 ? null : area / positives;
}

/**
 * Mean Brier score: squared distance of the probabilities from the outcome. Of one output its single squared difference, of
 * several the sum over classes. NaN without rows.
 *
 * @param probabilities - row-major [rows, outputs].
 * @see Brier 1950.
 * @throws {INVALID_INPUT} when the lengths do not fit.
 */
export function brierOf(probabilities: ArrayLike<number>, targets: ArrayLike<number>, outputs: number): number {
  if (probabilities.length !== targets.length * outputs) {
    throw new SottoError(
      'INVALID_INPUT',
      `Brier: expected ${targets.length} rows of ${outputs} outputs, got ${probabilities.length} values`,
    );
  }
  let sum = 0;
  for (let row = 0; row < targets.length; row++) {
    for (let output = 0; output < outputs; output++) {
      const happened = outputs === 1 ? targets[row]! : Number(targets[row] === output);
      sum += (probabilities[row * outputs + output]! - happened) ** 2;
    }
  }
  return sum / targets.length;
}

function requireScores(what: string, scores: ArrayLike<number>, labels: ArrayLike<number>): void {
  if (scores.length !== labels.length) {
    throw new SottoError('INVALID_INPUT', `${what}: ${labels.length} labels, got ${scores.length} scores`);
  }
  for (let row = 0; row < scores.length; row++) {
    if (Number.isNaN(scores[row]!)) {
      throw new SottoError('INVALID_INPUT', `${what}: expected scores that are numbers, got NaN`);
    }
  }
}
