import { Worker } from 'node:worker_threads';
import type { DataPart } from '@sotto/client/session';
import { SottoError } from '@sotto/shared/errors';
import type { UnitBatch } from '@sotto/shared/model';
import type { Plan } from '@sotto/shared/plan';
import type { ContributionJob, ContributionMaker, MadeContribution } from './contribution-maker.ts';
import type { ThreadReply, ThreadRequest } from './thread-protocol.ts';

type Waiting = { readonly resolve: (reply: ThreadReply) => void; readonly reject: (error: SottoError) => void };

/** A {@link ContributionMaker} in a thread of its own, which starts with the first contribution. */
export class ContributionThread implements ContributionMaker {
  readonly #plan: Plan;
  readonly #waiting = new Map<number, Waiting>();
  /** What the thread has: the units that it was sent last, by client and part, and the weights. */
  readonly #units = new Map<string, UnitBatch>();
  #weights: Float32Array | null = null;
  #hashed: Uint8Array | null = null;
  #worker: Worker | null = null;
  #asked = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  async contribute({ units, weights, ...job }: ContributionJob): Promise<MadeContribution> {
    const reply = await this.#ask((id) => ({
      type: 'contribute',
      id,
      job,
      weights: this.#newWeights(weights),
      units: [...units].map(([part, batch]) => [part, this.#newUnits(job.client, part, batch)]),
    }));
    if (reply.type !== 'contributed') throw new SottoError('INTERNAL', `a contribution gave ${reply.type}`);
    return reply;
  }

  /** SHA-256. Of bytes that are not in shared memory the thread gets a copy, where it was not sent them last. */
  async hash(bytes: Uint8Array): Promise<Uint8Array> {
    const known = this.#hashed;
    const same =
      known?.buffer === bytes.buffer && known.byteOffset === bytes.byteOffset && known.length === bytes.length;
    this.#hashed = bytes;
    const reply = await this.#ask((id) => ({ type: 'hash', id, bytes: same ? null : bytes }));
    if (reply.type !== 'hashed') throw new SottoError('INTERNAL', `a hash gave ${reply.type}`);
    return reply.hash;
  }

  end(life: number): void {
    this.#worker?.postMessage({ type: 'end', life } satisfies ThreadRequest);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(requestOf: (id: number) => ThreadRequest): Promise<ThreadReply> {
    return new Promise((resolve, reject) => {
      this.#worker ??= this.#started();
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage(requestOf(id));
    });
  }

  #newWeights(weights: Float32Array): Float32Array | null {
    // All clients of a round look at the same memory.
    const known = this.#weights;
    this.#weights = weights;
    return known?.buffer === weights.buffer && known.byteOffset === weights.byteOffset ? null : weights;
  }

  #newUnits(client: string, part: DataPart, batch: UnitBatch): UnitBatch | null {
    const key = `${client}/${part}`;
    if (this.#units.get(key) === batch) return null;
    this.#units.set(key, batch);
    return batch;
  }

  #started(): Worker {
    const worker = startWorker(this.#plan);
    worker.on('message', (reply: ThreadReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.type === 'failed') waiting?.reject(new SottoError('TRAINING_FAILED', reply.reason));
      else waiting?.resolve(reply);
    });
    const died = (reason: string): void => {
      for (const { reject } of this.#waiting.values()) {
        reject(new SottoError('TRAINING_FAILED', `a contribution thread ended: ${reason}`));
      }
      this.#waiting.clear();
    };
    worker.once('error', (error) => died(error.message));
    worker.once('exit', (code) => died(`exit code ${code}`));
    return worker;
  }
}

/** The built package has plain JavaScript; in a checkout, where only sources are, tsx loads them. */
function startWorker(workerData: Plan): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./contribution-worker.js', import.meta.url), { workerData });
  }
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./contribution-worker.ts', import.meta.url).href);
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { eval: true, workerData, execArgv: ['--conditions=source'] });
}
