import { exp } from '@sotto/shared/model';
import type { UnitBatch } from '@sotto/shared/model';

/**
 * Logistic regression of all rows in one place: what a federation is compared with. Newton's method with a small ridge (λ = 1 on the sum, which
 * leaves the intercept alone), to a step below 1e-8.
 *
 * @param weights - of the rows, [rows]; undefined: 1 each.
 * @returns coefficients by input, the intercept last.
 */
export function fitLogistic(batch: UnitBatch, weights?: ArrayLike<number>): Float64Array {
  const { rows, features, inputs, targets } = batch;
  const width = features + 1;
  const found = new Float64Array(width);
  const row = new Float64Array(width).fill(1);
  for (let iteration = 0; iteration < 50; iteration++) {
    const slope = new Float64Array(width);
    const curvature = new Float64Array(width * width);
    for (let r = 0; r < rows; r++) {
      let logit = found[features]!;
      for (let i = 0; i < features; i++) {
        row[i] = inputs[r * features + i]!;
        logit += row[i]! * found[i]!;
      }
      const p = 1 / (1 + exp(-logit));
      const weight = weights?.[r] ?? 1;
      const error = weight * (p - targets[r]!);
      const spread = weight * p * (1 - p);
      for (let i = 0; i < width; i++) {
        if (row[i] === 0) continue;
        slope[i]! += error * row[i]!;
        const scaled = spread * row[i]!;
        for (let j = 0; j <= i; j++) curvature[i * width + j]! += scaled * row[j]!;
      }
    }
    for (let i = 0; i < features; i++) {
      slope[i]! += found[i]!;
      curvature[i * width + i]! += 1;
    }
    const step = solved(curvature, slope, width);
    let largest = 0;
    for (let i = 0; i < width; i++) {
      found[i]! -= step[i]!;
      largest = Math.max(largest, Math.abs(step[i]!));
    }
    if (largest < 1e-8) break;
  }
  return found;
}

/** Chance of the positive class of each row. */
export function logisticScores(coefficients: Float64Array, { rows, features, inputs }: UnitBatch): Float64Array {
  return Float64Array.from({ length: rows }, (_, r) => {
    let logit = coefficients[features]!;
    for (let i = 0; i < features; i++) logit += inputs[r * features + i]! * coefficients[i]!;
    return 1 / (1 + exp(-logit));
  });
}

/** Solves a symmetric positive system of which the lower half is given, by Cholesky's decomposition; it is overwritten. */
function solved(matrix: Float64Array, right: Float64Array, n: number): Float64Array {
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k]! * matrix[j * n + k]!;
      matrix[i * n + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * n + j]!;
    }
  }
  const x = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= matrix[i * n + k]! * x[k]!;
    x[i]! /= matrix[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= matrix[k * n + i]! * x[k]!;
    x[i]! /= matrix[i * n + i]!;
  }
  return x;
}
