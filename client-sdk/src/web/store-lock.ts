/**
 * Takes a store for this tab until released; the browser releases it with the tab, however that ends.
 * @param elsewhere - called when another tab has it, before it is waited for.
 * @param signal - ends the waiting: null is given then.
 */
export async function lockStore(
  locks: LockManager,
  store: string,
  elsewhere: () => void,
  signal: AbortSignal,
): Promise<(() => void) | null> {
  const name = `sotto ${store}`;
  const now = await hold(locks, name, { ifAvailable: true });
  if (now !== null) return now;
  elsewhere();
  return hold(locks, name, { signal });
}

/** Held until what it resolves with is called; null when it was not had. */
function hold(locks: LockManager, name: string, options: LockOptions): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, options, (lock) => {
        if (lock === null) {
          resolve(null);
          return undefined;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch((error: unknown) => {
        if (options.signal?.aborted === true) resolve(null);
        else reject(error instanceof Error ? error : new Error(String(error)));
      });
  });
}
