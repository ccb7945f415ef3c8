/** Called with the method and its parameters. */
export type CallHook = (method: PropertyKey, parameters: readonly unknown[]) => void;

/**
 * One life of a simulated process. When it ends, everything that its code would still do to the world outside is void: calls
 * on guarded ports never come back, as they would not in a process that was killed.
 */
export class Life {
  #alive = true;

  get alive(): boolean {
    return this.#alive;
  }

  end(): void {
    this.#alive = false;
  }

  /** The same port as long as this life lasts; after that a call does nothing and its promise stays open. */
  guard<T extends object>(port: T, beforeCall?: CallHook, afterCall?: CallHook): T {
    return new Proxy(port, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return (...parameters: unknown[]): unknown => {
          if (this.#alive) beforeCall?.(key, parameters);
          if (!this.#alive) return new Promise(() => undefined);
          const result: unknown = Reflect.apply(value, target, parameters);
          if (!(result instanceof Promise)) return result;
          return new Promise((resolve, reject) => {
            const settle = (action: () => void) => (): void => {
              if (this.#alive) afterCall?.(key, parameters);
              if (this.#alive) action();
            };
            result.then(
              (outcome: unknown) => settle(() => resolve(outcome))(),
              (error: unknown) => settle(() => reject(error))(),
            );
          });
        };
      },
    });
  }
}
