import { Worker } from 'node:worker_threads';
import type { CryptoPort, Mask } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import type { MaskReply, MaskRequest } from './mask-protocol.ts';

/** Threads on which the masks of sums are expanded. */
export type MaskThreads = {
  /** The port, whose `addMasks` splits a sum in shared memory over the threads and works in place otherwise. */
  readonly crypto: CryptoPort;
  /** Ends the threads at once; what is under way fails. */
  close(): Promise<void>;
};

/**
 * Bytes of key stream from which threads are worth their start and memory. Asking two of them takes 0.13 ms, in which one
 * expands half a megabyte.
 */
const leastBytes = 16_777_216;

/**
 * A crypto port that expands masks on several threads. Key streams can be entered anywhere, so each thread takes a range of
 * coordinates with all masks, and no two write to the same word. The threads start when they are first of use, are kept,
 * and do not keep the process alive. A thread that dies fails the sum that it worked on; the next sum starts it again.
 *
 * @param threads - ranges that a sum is split into; with 1 everything stays on the caller's thread
 */
export function createMaskThreads(crypto: CryptoPort, threads: number): MaskThreads {
  const lanes = Array.from({ length: threads }, () => new Lane());
  return {
    crypto: {
      ...crypto,
      addMasks: async (target, masks, firstWord = 0) => {
        const { buffer, byteLength } = target;
        const pays = threads > 1 && byteLength * masks.length >= leastBytes;
        if (!pays || !(buffer instanceof SharedArrayBuffer)) return crypto.addMasks(target, masks, firstWord);
        const range = rangeWords(target.length, threads);
        const work = lanes.map((lane, i) =>
          lane.add(target.subarray(i * range, (i + 1) * range), masks, firstWord + i * range),
        );
        // All of them, so that nothing writes to the sum any more when one has failed.
        const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      },
    },
    close: async () => {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

/** Words of each thread's range: a mask can be entered at every fourth. */
function rangeWords(length: number, threads: number): number {
  return 4 * Math.ceil(length / threads / 4);
}

type Waiting = { resolve(): void; reject(error: SottoError): void };

/** One thread, and who waits for it. */
class Lane {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #asked = 0;
  #closed = false;

  add(target: Uint32Array, masks: readonly Mask[], firstWord: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = ++this.#asked;
      const worker = this.#running();
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, target, masks, firstWord } satisfies MaskRequest);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#giveUp('the coordinator is closing');
    await worker?.terminate();
  }

  #running(): Worker {
    if (this.#closed) throw new SottoError('RECOVERY_FAILED', 'the mask threads are closed');
    if (this.#worker !== null) return this.#worker;
    const worker = startWorker();
    this.#worker = worker;
    worker.on('message', ({ id, failed }: MaskReply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      if (failed === null) waiting?.resolve();
      else waiting?.reject(new SottoError('RECOVERY_FAILED', `a mask thread failed: ${failed}`));
    });
    const died = (reason: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#giveUp(`a mask thread ended: ${reason}`);
    };
    worker.once('error', (error) => died(error.message));
    worker.once('exit', (code) => died(`exit code ${code}`));
    return worker;
  }

  #giveUp(reason: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new SottoError('RECOVERY_FAILED', reason));
    this.#waiting.clear();
  }
}

/** All that a thread makes are a few pieces of key stream, which lie outside its heap. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 } as const;

/** The built package has plain JavaScript; in a checkout, where only sources are, tsx loads them. */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./mask-worker.js', import.meta.url), { resourceLimits });
  }
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./mask-worker.ts', import.meta.url).href);
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { eval: true, resourceLimits, execArgv: ['--conditions=source'] });
}
