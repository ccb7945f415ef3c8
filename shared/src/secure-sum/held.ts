import { SottoError } from '../errors/index.ts';

/**
 * Secrets that can be taken exactly once. A session's step takes them out of the old state before its first wait, so that
 * the same state can never answer twice, not even to two requests at the same moment; and a step whose check fails
 * leaves nothing behind. They show neither in JSON nor when a state is printed.
 */
export class Held<T> {
  #value: T | null;

  constructor(value: T) {
    this.#value = value;
  }

  /** @throws {MESSAGE_UNEXPECTED} when they were taken before. */
  take(): T {
    const value = this.#value;
    this.#value = null;
    if (value === null) throw new SottoError('MESSAGE_UNEXPECTED', 'this step of the session was already taken');
    return value;
  }

  toJSON(): string {
    return '[held]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[held]';
  }
}
