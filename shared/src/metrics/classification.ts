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
  if (scores.length !== labels.length) {
    throw new SottoError('INVALID_INPUT', `AUC: ${labels.length} labels, got ${scores.length} scores`);
  }
  const order = Array.from({ length: scores.length }, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!);
  let positives = 0;
  let negativesBelow = 0;
  let pairs = 0;
  for (let first = 0; first < order.length;) {
    const score = scores[order[first]!]!;
    if (Number.isNaN(score)) throw new SottoError('INVALID_INPUT', 'AUC: expected scores that are numbers, got NaN');
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
