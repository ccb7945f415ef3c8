import { SottoError } from '../errors/index.ts';
import type { PartSpec } from './part-spec.ts';

/**
 * Adds one unit's vector, clipped and on the integer grid, to a running integer sum. The only code on which sensitivity
 * rests (soundness.md §2.3.2): whatever goes in, what is added has Σk² ≤ D², checked in exact integers.
 *
 * Clip in doubles to D steps, truncate each coordinate toward zero (which never makes a norm grow), check the norm of
 * the integers, else add nothing. A unit is what privacy is promised to: a record's (patient's) summed gradient or a
 * client's update, never a row of several and never a sum over units.
 *
 * | vector | what is added |
 * | --- | --- |
 * | norm ≤ Dγ | each coordinate / γ, truncated toward zero |
 * | norm > Dγ, even where its square overflows | the vector scaled to norm Dγ, truncated toward zero |
 * | all zero, −0, denormal, below γ everywhere | nothing |
 * | NaN or ±∞ anywhere | nothing, and nothing is reported: a count would be data |
 * | integers' norm above D by rounding | nothing |
 * | wrong length | throws before anything is added |
 *
 * Not guaranteed: constant time. Uploads leave at a fixed time instead.
 *
 * @param vector - one unit's real vector, [d]
 * @param part - d, γ and D; D² ≤ 2^53
 * @param target - running sum, added to in place, modulo 2^32
 * @param offset - where this part begins in `target`
 * @throws {INVALID_INPUT} when the vector or the target has not the part's length
 */
export function encodeUnit(
  vector: Float64Array,
  part: Pick<PartSpec, 'dimension' | 'gridStep' | 'normBoundSteps'>,
  target: Int32Array,
  offset: number,
): void {
  const length = part.dimension;
  if (vector.length !== length) {
    throw new SottoError('INVALID_INPUT', `unit's vector of ${vector.length} coordinates: expected ${length}`);
  }
  if (!Number.isInteger(offset) || offset < 0 || offset + length > target.length) {
    throw new SottoError('INVALID_INPUT', `offset ${offset}: ${length} coordinates do not fit into ${target.length}`);
  }
  const bound = part.normBoundSteps;
  // NaN where a coordinate is NaN or infinite.
  const norm = euclideanNorm(vector);
  const steps = norm / part.gridStep;
  let stepsPerUnit = 1 / part.gridStep;
  if (steps > bound) stepsPerUnit = bound / norm;
  // Written so that NaN ends here as well. Norms too small for one step need no work.
  if (!(steps >= 1)) return;
  const largestSquareSum = bound * bound;
  const squareSum = addTruncated(vector, stepsPerUnit, target, offset, 1);
  // Sums of squares are exact below 2^53 and never fall back to D² < 2^53 once above. NaN is not ≤ either.
  if (!(squareSum <= largestSquareSum)) addTruncated(vector, stepsPerUnit, target, offset, -1);
}

/** Adds sign·trunc(vector·factor) and returns Σk²; with the sign turned it takes back exactly what it added. */
function addTruncated(vector: Float64Array, factor: number, target: Int32Array, offset: number, sign: 1 | -1): number {
  let sumA = 0;
  let sumB = 0;
  const length = vector.length;
  const even = length - (length % 2);
  // `| 0` truncates toward zero below 2^31; the caller has clipped to D < 2^27. Indices stay below both lengths.
  for (let i = 0; i < even; i += 2) {
    const a = (vector[i]! * factor) | 0;
    const b = (vector[i + 1]! * factor) | 0;
    target[offset + i] = target[offset + i]! + sign * a;
    target[offset + i + 1] = target[offset + i + 1]! + sign * b;
    sumA += a * a;
    sumB += b * b;
  }
  if (even < length) {
    const a = (vector[even]! * factor) | 0;
    target[offset + even] = target[offset + even]! + sign * a;
    sumA += a * a;
  }
  return sumA + sumB;
}

/** L2 norm; NaN for a vector with a NaN or an infinity. */
function euclideanNorm(vector: Float64Array): number {
  const length = vector.length;
  const whole = length - (length % 4);
  let sumA = 0;
  let sumB = 0;
  let sumC = 0;
  let sumD = 0;
  for (let i = 0; i < whole; i += 4) {
    // Indices stay below the length.
    const a = vector[i]!;
    const b = vector[i + 1]!;
    const c = vector[i + 2]!;
    const d = vector[i + 3]!;
    sumA += a * a;
    sumB += b * b;
    sumC += c * c;
    sumD += d * d;
  }
  for (let i = whole; i < length; i += 1) sumA += vector[i]! * vector[i]!;
  const squareSum = sumA + sumB + (sumC + sumD);
  // Outside this range squares overflow, vanish or lose digits.
  if (squareSum > 1e-250 && squareSum < 1e300) return Math.sqrt(squareSum);
  return scaledNorm(vector);
}

/** The same for coordinates whose squares leave the range of doubles. */
function scaledNorm(vector: Float64Array): number {
  let largest = 0;
  for (const value of vector) {
    const size = Math.abs(value);
    if (!(size < Infinity)) return Number.NaN;
    if (size > largest) largest = size;
  }
  if (largest === 0) return 0;
  let squareSum = 0;
  for (const value of vector) {
    const ratio = value / largest;
    squareSum += ratio * ratio;
  }
  const norm = largest * Math.sqrt(squareSum);
  // A finite vector of which even the norm overflows is not a gradient of anything.
  return Number.isFinite(norm) ? norm : Number.NaN;
}
