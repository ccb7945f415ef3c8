import type { Clock } from '@sotto/shared/protocol';

/** A clock for tests that moves when told to. */
export type ManualClock = Clock & {
  /** Fires the next timer due within `ms` and moves the time to it; false when there is none. */
  next(ms: number): boolean;
};

/** A manual clock at a fixed time. */
export function createManualClock(): ManualClock {
  let now = Date.UTC(2026, 0, 1);
  let order = 0;
  const timers = new Set<{ at: number; order: number; action: () => void }>();
  return {
    now: () => now,
    after(ms, action) {
      const timer = { at: now + ms, order: order++, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    next(ms) {
      const [timer] = [...timers].toSorted((a, b) => a.at - b.at || a.order - b.order);
      if (timer === undefined || timer.at > now + ms) return false;
      timers.delete(timer);
      now = timer.at;
      timer.action();
      return true;
    },
  };
}
