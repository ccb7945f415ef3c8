import { predictedClass } from '../metrics/index.ts';

/** Class that a row's logits predict, [rows, outputs]; a single logit predicts class 1 above 0. Null of what is no number. */
export function logitClass(logits: Float64Array, row: number, outputs: number): number | null {
  if (outputs === 1) return Number.isNaN(logits[row]!) ? null : Number(logits[row]! > 0);
  for (let at = row * outputs; at < (row + 1) * outputs; at++) if (Number.isNaN(logits[at]!)) return null;
  return predictedClass(logits, row, outputs);
}
