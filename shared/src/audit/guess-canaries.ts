import { SottoError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';

/** A fair coin for each canary: whether it is in the data. */
export function drawCanaries(canaries: number, random: RandomSource): boolean[] {
  const words = new Uint32Array(canaries);
  random.words(words);
  // The upper bit: in a generator for simulations the lowest is the weakest.
  return Array.from(words, (word) => word >= 2 ** 31);
}

/**
 * Right guesses of an auditor that says "in" to the ⌈r/2⌉ highest scores, "out" to the ⌊r/2⌋ lowest, and nothing to the rest.
 * Equal scores stand in the order of their canaries, which tells nothing.
 *
 * @throws {INVALID_INPUT} when r is larger than the number of canaries
 */
export function correctGuesses(scores: Float64Array, present: readonly boolean[], guesses: number): number {
  if (guesses > scores.length) {
    throw new SottoError('INVALID_INPUT', `guesses ${guesses}: expected no more than the ${scores.length} canaries`);
  }
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const top = order.slice(0, Math.ceil(guesses / 2));
  const bottom = order.slice(order.length - Math.floor(guesses / 2));
  return top.filter((canary) => present[canary]).length + bottom.filter((canary) => !present[canary]).length;
}
