import { SottoError } from '../../errors/index.ts';
import { bandCoefficients } from '../banded-toeplitz.ts';
import type { AccountingEvent } from './accounting-event.ts';

/**
 * L2 sensitivity of C·x for a banded lower-triangular Toeplitz C, where each unit adds at most 1 in at most
 * `maxParticipations` rounds at least `minSeparation` apart. Where bands do not overlap it is √k times a column's norm; where
 * they do, the norm of the columns 0, b, 2b, … added up, the worst case for coefficients ≥ 0 that never rise.
 *
 * @throws {UNSUPPORTED_EVENT} when bands overlap and coefficients are negative or rise: their worst case is not known here
 * @see Choquette-Choo et al. 2023, arXiv 2306.08153, Theorem 2; Kalinin & Lampert 2024, arXiv 2405.13763, Theorem 2
 */
export function toeplitzSensitivity(
  coefficients: readonly number[],
  rounds: number,
  minSeparation: number,
  maxParticipations: number,
): number {
  const columnSquare = coefficients.reduce((sum, coefficient) => sum + coefficient * coefficient, 0);
  if (minSeparation >= coefficients.length || maxParticipations === 1) {
    return Math.sqrt(maxParticipations * columnSquare) * (1 + 1e-14);
  }
  if (coefficients.some((one, k) => one < 0 || (k > 0 && one > coefficients[k - 1]!))) {
    throw new SottoError(
      'UNSUPPORTED_EVENT',
      `bandedToeplitz: ${coefficients.length} bands overlap at minSeparation ${minSeparation} and are negative or rise: separate participations by all bands`,
    );
  }
  const sums = new Float64Array(rounds);
  for (let taken = 0; taken < maxParticipations && taken * minSeparation < rounds; taken += 1) {
    const start = taken * minSeparation;
    for (let k = 0; k < coefficients.length && start + k < rounds; k += 1) {
      // start + k < rounds
      sums[start + k] = sums[start + k]! + coefficients[k]!;
    }
  }
  return Math.sqrt(sums.reduce((sum, one) => sum + one * one, 0)) * (1 + 1e-13);
}

/**
 * Error of prefix sums under noise C⁻¹z with z of std 1: root mean square and largest over the rounds. The prefix-sum
 * matrix times C⁻¹ is Toeplitz too; its first column is that of 1/((1−x)·c(x)).
 */
export function prefixErrors(coefficients: readonly number[], rounds: number): { rms: number; largest: number } {
  const series = new Float64Array(rounds);
  let square = 0;
  let squares = 0;
  for (let n = 0; n < rounds; n += 1) {
    // c(x)·s(x) = 1/(1−x): every coefficient of the product is 1.
    let rest = 1;
    for (let k = 1; k < coefficients.length && k <= n; k += 1) rest -= coefficients[k]! * series[n - k]!;
    const value = rest / coefficients[0]!;
    series[n] = value;
    square += value * value;
    squares += square;
  }
  return { rms: Math.sqrt(squares / rounds), largest: Math.sqrt(square) };
}

/** Products that prefix errors are worth. */
const mostWork = 1e9;

/** Sensitivity of an event, and its coefficients. @throws {INVALID_INPUT | UNSUPPORTED_EVENT} when they do not fit */
export function bandedSensitivity(event: BandedToeplitz): number {
  return toeplitzSensitivity(bandsOf(event), event.rounds, event.minSeparation, event.maxParticipations);
}

/** C's coefficients. @throws {INVALID_INPUT} when they are not as many as bands, or the first is not above 0 */
export function bandsOf({ bands, rounds, coefficients }: BandedToeplitz): readonly number[] {
  if (bands > rounds) throw new SottoError('INVALID_INPUT', `bands ${bands}: expected at most rounds ${rounds}`);
  if (bands * rounds > mostWork) {
    throw new SottoError('INVALID_INPUT', `bands ${bands} × rounds ${rounds}: expected at most ${mostWork} in all`);
  }
  if (typeof coefficients === 'string') return bandCoefficients(bands);
  if (coefficients.length !== bands || !((coefficients[0] ?? 0) > 0)) {
    throw new SottoError(
      'INVALID_INPUT',
      `coefficients ${coefficients.length}: expected as many as bands ${bands}, the first above 0`,
    );
  }
  return coefficients;
}

type BandedToeplitz = Extract<AccountingEvent, { type: 'bandedToeplitz' }>;
