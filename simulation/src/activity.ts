/**
 * Counts what is under way behind the ports that it wraps, so that the simulator knows when everything that one event set off
 * has settled and the virtual clock may go on.
 */
export class Activity {
  #underWay = 0;
  #changes = 0;

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

  /** Waits until nothing is under way and two turns of the event loop brought nothing new. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const before = this.#changes;
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = this.#underWay === 0 && this.#changes === before ? quiet + 1 : 0;
    }
  }

  #follow(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    this.#underWay += 1;
    this.#changes += 1;
    const done = (): void => {
      this.#underWay -= 1;
      this.#changes += 1;
    };
    result.then(done, done);
    return result;
  }
}
