import { exp, log } from '../elementary.ts';
import type { Loss } from '../topology.ts';
import { sigmoid } from './activation.ts';

/** Logits to probabilities (sigmoid or softmax), in place; a regression's values stay as they are. */
export function toProbabilities(loss: Loss, logits: Float64Array, outputs: number): void {
  if (loss === 'binaryCrossEntropy') {
    for (let i = 0; i < logits.length; i++) logits[i] = sigmoid(logits[i]!);
  } else if (loss === 'categoricalCrossEntropy') {
    for (let base = 0; base < logits.length; base += outputs) softmax(logits, base, outputs);
  }
}

/** Derivative of each row's loss by its logits, [rows, outputs]; squared error counts whole, without a half. */
export function lossSlopes(loss: Loss, logits: Float64Array, targets: Float32Array, outputs: number): Float64Array {
  const slopes = Float64Array.from(logits);
  toProbabilities(loss, slopes, outputs);
  for (let row = 0; row < targets.length; row++) {
    const target = targets[row]!;
    if (loss === 'categoricalCrossEntropy') slopes[row * outputs + target]! -= 1;
    else if (loss === 'binaryCrossEntropy') slopes[row]! -= target;
    else slopes[row] = 2 * (slopes[row]! - target);
  }
  return slopes;
}

/** Loss of each row from its logits, computed without overflow. */
export function lossValues(loss: Loss, logits: Float64Array, targets: Float32Array, outputs: number): Float64Array {
  const values = new Float64Array(targets.length);
  for (let row = 0; row < targets.length; row++) {
    const target = targets[row]!;
    if (loss === 'categoricalCrossEntropy') {
      values[row] = logSumExp(logits, row * outputs, outputs) - logits[row * outputs + target]!;
    } else if (loss === 'binaryCrossEntropy') {
      const logit = logits[row]!;
      values[row] = Math.max(logit, 0) - logit * target + log(1 + exp(-Math.abs(logit)));
    } else {
      const error = logits[row]! - target;
      values[row] = error * error;
    }
  }
  return values;
}

function softmax(values: Float64Array, base: number, length: number): void {
  const largest = maximum(values, base, length);
  let sum = 0;
  for (let i = base; i < base + length; i++) sum += values[i] = exp(values[i]! - largest);
  for (let i = base; i < base + length; i++) values[i]! /= sum;
}

function logSumExp(values: Float64Array, base: number, length: number): number {
  const largest = maximum(values, base, length);
  let sum = 0;
  for (let i = base; i < base + length; i++) sum += exp(values[i]! - largest);
  return largest + log(sum);
}

function maximum(values: Float64Array, base: number, length: number): number {
  let largest = values[base]!;
  for (let i = base + 1; i < base + length; i++) largest = Math.max(largest, values[i]!);
  return largest;
}
