import type { Clock } from '@sotto/shared/protocol';

/** The wall clock and the worker's timers, which browsers do not slow down as they do those of a hidden page. */
export function createWebClock(): Clock {
  return {
    now: () => Date.now(),
    after(ms, action) {
      const timer = setTimeout(action, ms);
      return () => clearTimeout(timer);
    },
  };
}

/** A turn of the event loop for others; a timer would wait for four milliseconds. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
