import { Worker } from 'node:worker_threads';
import { SottoError } from '@sotto/shared/errors';
import type { Plan } from '@sotto/shared/plan';
import type { NodeUnits } from '../data/node-units.ts';
import type { Contributor } from '../session/ports.ts';
import type { ContributionReply, ContributionRequest } from './contribution-protocol.ts';
import type { EngineChoice } from './create-local-model.ts';
import type { DeviceWish } from './engine.ts';

/** The one thread of a node on which its data are worked on. */
export type ContributionThread = {
  /**
   * Starts the thread if it does not run, and makes the run's model there.
   * @param client - whose contributions they are: its place in the plan's roster may decide when it has one
   */
  begin(plan: Plan, client: string): Contributor;
  /** Ends the thread at once; what is under way comes to nothing. */
  close(): Promise<void>;
};

/**
 * Contributions in a thread of their own, so that whoever asks this process something is answered as quickly as ever, however
 * long the work on the data takes. A thread that dies is started again by the contribution after.
 *
 * @param units - in shared memory (`placeUnits`), so that no start depends on how many there are.
 * @param chosen - told which engine a run's model was given, and why.
 * @param device - what may compute.
 */
export function createContributionThread(
  units: NodeUnits,
  chosen: (choice: EngineChoice) => void,
  device: DeviceWish = 'auto',
): ContributionThread {
  return new Thread(units, chosen, device);
}

type Waiting = {
  readonly run: number;
  resolve(integers: Int32Array): void;
  reject(error: SottoError): void;
};

class Thread implements ContributionThread {
  readonly #units: NodeUnits;
  readonly #chosen: (choice: EngineChoice) => void;
  readonly #device: DeviceWish;
  readonly #runs = new Map<number, { readonly plan: Plan; readonly client: string }>();
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #closed = false;
  #begun = 0;
  #contributions = 0;

  constructor(units: NodeUnits, chosen: (choice: EngineChoice) => void, device: DeviceWish) {
    this.#units = units;
    this.#chosen = chosen;
    this.#device = device;
  }

  begin(plan: Plan, client: string): Contributor {
    const run = ++this.#begun;
    this.#runs.set(run, { plan, client });
    if (this.#worker !== null) post(this.#worker, { type: 'begin', run, plan, client, device: this.#device });
    else this.#startEarly();
    return {
      contribute: ({ slots, round, clipNormL2, noise }, weights) =>
        new Promise((resolve, reject) => {
          const id = ++this.#contributions;
          const to = this.#running();
          this.#waiting.set(id, { run, resolve, reject });
          post(to, { type: 'contribute', id, run, task: { slots, round, clipNormL2, noise }, weights });
        }),
      dispose: async () => {
        this.#runs.delete(run);
        this.#giveUp('the run has ended', run);
        if (this.#worker !== null) post(this.#worker, { type: 'end', run });
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#giveUp('the node is closing');
    await worker?.terminate();
  }

  /** Whoever needs the thread meets what stands in the way of its start. */
  #startEarly(): void {
    try {
      this.#running();
    } catch {
      this.#worker = null;
    }
  }

  /** The worker; a new one learns of the runs that are open. */
  #running(): Worker {
    if (this.#closed) throw new SottoError('TRAINING_FAILED', 'the contribution thread is closed');
    if (this.#worker !== null) return this.#worker;
    const worker = startWorker(this.#units);
    this.#worker = worker;
    worker.on('message', (reply: ContributionReply) => this.#answered(reply));
    const died = (reason: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#giveUp(`the contribution thread ended: ${reason}`);
    };
    worker.once('error', (error) => died(error.message));
    worker.once('exit', (code) => died(`exit code ${code}`));
    for (const [run, begun] of this.#runs) post(worker, { type: 'begin', run, ...begun, device: this.#device });
    return worker;
  }

  #answered(reply: ContributionReply): void {
    if (reply.type === 'engine') {
      this.#chosen(reply.choice);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.type === 'failed') waiting?.reject(new SottoError('TRAINING_FAILED', reply.reason));
    else if (waiting === undefined) reply.integers.fill(0);
    else waiting.resolve(reply.integers);
  }

  #giveUp(reason: string, run?: number): void {
    for (const [id, waiting] of this.#waiting) {
      if (run !== undefined && waiting.run !== run) continue;
      this.#waiting.delete(id);
      waiting.reject(new SottoError('TRAINING_FAILED', reason));
    }
  }
}

function post(worker: Worker, request: ContributionRequest): void {
  worker.postMessage(request);
}

/** A small nursery: what the thread makes each round is large arrays, which lie outside it. Saves about 10 MB a node. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 } as const;

/** The built package has plain JavaScript; in a checkout, where only sources are, tsx loads them. */
function startWorker(workerData: NodeUnits): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./contribution-worker.js', import.meta.url), { workerData, resourceLimits });
  }
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./contribution-worker.ts', import.meta.url).href);
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { eval: true, workerData, resourceLimits, execArgv: ['--conditions=source'] });
}
