import { SottoError } from '@sotto/shared/errors';
import type * as TfjsCore from './tfjs-core.ts';

/** Which machinery may compute: `gpu` hardware alone, `cpu` alone, or the quickest. */
export type DeviceWish = 'auto' | 'gpu' | 'cpu';

/** tfjs, in so far as it is used; the native builds of TensorFlow bring one of their own, with all of it. */
export type Tfjs = typeof TfjsCore;

/** tfjs with a backend that runs. One process has one current backend: whoever computes makes it current first. */
export type Engine = { readonly tf: Tfjs; readonly backend: string };

/** An engine that may be tried on this platform. */
export type EngineCandidate = {
  /** As the screen names it, for example `tfjs wasm`. */
  readonly name: string;
  readonly device: 'gpu' | 'cpu';
  /** Adds up as the number of rows suits it: always given as many (`inFixedRows`), so that a row's bits follow from no other's. */
  readonly fixedRows?: true;
  /** Tried only where no other engine of tfjs can be used: it is never the quickest. */
  readonly lastResort?: true;
  /**
   * Loads and starts it, or says by its failure what stands in the way. What it waits for longest is given up after the limit,
   * in milliseconds.
   */
  start(limitMs: number): Promise<Engine>;
};

/** Longest wait for a backend, in milliseconds: where a page forbids its worker, tfjs's wasm waits for ever and says nothing. */
export const startLimitMs = 5_000;

/** Makes a registered backend the current one; what does not start in time is taken out, so that another can. */
export async function startBackend(tf: Tfjs, backend: string, limitMs: number): Promise<Engine> {
  if (tf.findBackendFactory(backend) === null) throw new SottoError('UNSUPPORTED', 'it did not start before');
  let reason = 'it does not start here';
  try {
    if (await withinLimit(Promise.resolve(tf.setBackend(backend)), limitMs)) return { tf, backend };
  } catch (error) {
    reason = reasonOf(error);
  }
  // Else tfjs would go on waiting for it, and refuse every operation meanwhile.
  tf.removeBackend(backend);
  throw new SottoError('UNSUPPORTED', reason);
}

/**
 * What the work gives, unless that takes too long.
 * @throws {UNSUPPORTED} when it does; the work itself cannot be stopped.
 */
export async function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SottoError('UNSUPPORTED', `no answer within ${limitMs / 1_000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What an engine's failure says, in one short line. */
export function reasonOf(error: unknown): string {
  const said =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  const line = said.split('\n')[0] ?? '';
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
