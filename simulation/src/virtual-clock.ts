import type { Clock } from '@sotto/shared/protocol';

type Timer = { readonly at: number; readonly order: number; action: (() => void) | null };

/**
 * A clock that stands still until told to go on: timers fire in the order of their times, then of their setting, so that one
 * seed is one schedule and an hour of deadlines passes in milliseconds.
 */
export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap by time and order; cancelled timers stay in it without an action until they come up. */
  readonly #heap: Timer[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, action };
    this.#push(timer);
    return () => void (timer.action = null);
  }

  /** Fires the next timer and moves the time to it; false when there is none up to `untilMs`. */
  fireNext(untilMs = Infinity): boolean {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.action !== null && next.at > untilMs) return false;
      this.#pop();
      if (next.action === null) continue;
      this.#now = Math.max(this.#now, next.at);
      next.action();
      return true;
    }
    return false;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      // Above the place there is a timer.
      if (!isBefore(timer, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      // Both children are inside the heap.
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
