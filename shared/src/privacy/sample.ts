import { SottoError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';

/** Lets simulation and tests use a seeded source where only the platform's CSPRNG keeps a privacy promise. */
export type RandomnessOptions = { readonly allowInsecureRandom?: boolean };

const wordsAtOnce = 16_384;

/**
 * The secret coin: which units take part in this attempt, each independently with probability numerator / 2^32.
 *
 * A fresh uniform 32-bit word a unit, compared with the numerator: exact, also at 2^32 (every unit), and the same work
 * for each unit whatever falls. The result and its length are secret, in content and in time (soundness.md §2.1).
 *
 * @param units - number of units, a whole number ≥ 0
 * @param samplingNumerator - q·2^32, a whole number in [1, 2^32]
 * @returns indices of the drawn units, ascending
 * @throws {INVALID_INPUT} when a number is out of range or the source is not the platform's CSPRNG
 */
export function drawSample(
  units: number,
  samplingNumerator: number,
  random: RandomSource,
  options: RandomnessOptions = {},
): number[] {
  if (!Number.isInteger(units) || units < 0 || units > 2 ** 31) {
    throw new SottoError('INVALID_INPUT', `units ${units}: expected a whole number in [0, 2^31]`);
  }
  if (!Number.isInteger(samplingNumerator) || samplingNumerator < 1 || samplingNumerator > 2 ** 32) {
    throw new SottoError(
      'INVALID_INPUT',
      `samplingNumerator ${samplingNumerator}: expected a whole number in [1, 2^32]`,
    );
  }
  requireSecure(random, options);
  const chosen = new Uint32Array(units);
  const words = new Uint32Array(Math.min(units, wordsAtOnce));
  let taken = 0;
  for (let begin = 0; begin < units; begin += words.length) {
    random.words(words);
    const end = Math.min(units, begin + words.length);
    for (let unit = begin; unit < end; unit += 1) {
      // Always written, kept only when the coin says so: no branch on the coin. unit − begin stays below words.length.
      chosen[taken] = unit;
      taken += Number(words[unit - begin]! < samplingNumerator);
    }
  }
  words.fill(0);
  return Array.from(chosen.subarray(0, taken));
}

/**
 * Refuses a source that is not the platform's CSPRNG.
 *
 * @throws {INVALID_INPUT} when the source is not secure and the caller has not said that this is a simulation or a test
 */
export function requireSecure(random: RandomSource, options: RandomnessOptions): void {
  if (!random.secure && options.allowInsecureRandom !== true) {
    throw new SottoError(
      'INVALID_INPUT',
      'random source is not the platform CSPRNG: noise and coins from it keep no promise; allowed in simulation and tests alone',
    );
  }
}
