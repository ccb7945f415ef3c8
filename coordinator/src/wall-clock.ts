import type { Clock } from '@sotto/shared/protocol';

/** The machine's clock and timers. */
export const wallClock: Clock = {
  now: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
