import type { Clock } from '@sotto/shared/protocol';

/**
 * Waits between attempts: doubling from 200 ms to 10 s, each drawn from the upper half of its span, so that many clients do
 * not come back at one moment.
 *
 * @param attempt - counted from 0.
 * @param uniform - in [0, 1).
 */
export function backOffMs(attempt: number, uniform: number): number {
  const span = Math.min(10_000, 200 * 2 ** Math.min(attempt, 10));
  return Math.round(span * (0.5 + uniform / 2));
}

/** Resolves after a time, or at once when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const stop = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
