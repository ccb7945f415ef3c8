import { SottoError } from '../errors/index.ts';
import type { RandomSource } from './source.ts';

/**
 * A uniform integer in [0, n), by rejection.
 * @param n - integer in [1, 2^32]
 * @throws {INVALID_INPUT} for any other `n`.
 */
export function uniformBelow(random: RandomSource, n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
    throw new SottoError('INVALID_INPUT', `expected an integer in [1, 2^32], got ${n}`);
  }
  const limit = 2 ** 32 - (2 ** 32 % n);
  const word = new Uint32Array(1);
  for (;;) {
    random.words(word);
    if (word[0]! < limit) return word[0]! % n;
  }
}

/** The items in a uniformly drawn order, in new memory (Fisher and Yates). */
export function shuffle<T>(random: RandomSource, items: readonly T[]): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = uniformBelow(random, i + 1);
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
