import type { Clock } from '@sotto/shared/protocol';

/** The wall clock and the process's timers. */
export function createNodeClock(): Clock {
  return {
    now: () => Date.now(),
    after(ms, action) {
      const timer = setTimeout(action, ms);
      return () => clearTimeout(timer);
    },
  };
}
