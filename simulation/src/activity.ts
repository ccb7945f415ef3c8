/**
 * Counts what is under way behind the ports that it wraps, so that the simulator knows when everything that one event set off
 * has settled and the virtual clock may go on.
 */
export class Activity {
  #underWay = 0;

  /** The same object, with every promise that a method returns counted until it settles. */
  watch<T extends object>(port: T): T {
    const calls = new Map<PropertyKey, unknown>();
    return new Proxy(port, {
      get: (target, key) => {
        const known = calls.get(key);
        if (known !== undefined) return known;
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const watched = (...parameters: unknown[]): unknown => this.#follow(Reflect.apply(value, target, parameters));
        calls.set(key, watched);
        return watched;
      },
    });
  }

  /**
   * Waits until nothing is under way. A turn of the event loop ends when no promise can go on by itself, so one turn is enough:
   * what still goes on then waits for a watched call or for the virtual clock.
   */
  async settled(): Promise<void> {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#underWay > 0);
  }

  #follow(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    this.#underWay += 1;
    const done = (): void => {
      this.#underWay -= 1;
    };
    result.then(done, done);
    return result;
  }
}
