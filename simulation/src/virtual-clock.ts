import type { Clock } from '@sotto/shared/protocol';

type Timer = { readonly at: number; readonly order: number; readonly action: () => void };

/**
 * A clock that stands still until told to go on: timers fire in the order of their times, then of their setting, so that one
 * seed is one schedule and an hour of deadlines passes in milliseconds.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Fires the next timer and moves the time to it; false when there is none up to `untilMs`. */
  fireNext(untilMs = Infinity): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > untilMs) continue;
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.action();
    return true;
  }
}
