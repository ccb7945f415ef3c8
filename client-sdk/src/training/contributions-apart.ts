import { SottoError } from '@sotto/shared/errors';
import type { Plan } from '@sotto/shared/plan';
import type { Contributor } from '../session/ports.ts';
import type { ContributionReply, ContributionRequest } from './contribution-protocol.ts';
import type { EngineChoice } from './create-local-model.ts';
import type { DeviceWish } from './engine.ts';

/** The one thread of a client on which its data are worked on. */
export type ContributionThread = {
  /**
   * Starts the thread if it does not run, and makes the run's model there.
   * @param client - whose contributions they are: its place in the plan's roster may decide when it has one
   * @param first - told once which engine the run's model was given, unless a thread has died before: how long another's start
   *   takes may follow from the data.
   */
  begin(plan: Plan, client: string, first?: (choice: EngineChoice) => void): Contributor;
  /** Ends the thread at once; what is under way comes to nothing. */
  close(): Promise<void>;
};

/** A thread or worker that has the rows and answers requests, whatever the platform. */
export type ContributionWorker = {
  post(request: ContributionRequest): void;
  terminate(): Promise<void>;
};

/** How a platform starts one. @param died - called when it ends by itself, once or more often */
export type StartContributionWorker = (
  answered: (reply: ContributionReply) => void,
  died: (reason: string) => void,
) => ContributionWorker;

/**
 * Contributions in a thread of their own, so that whoever asks this client something is answered as quickly as ever, however
 * long the work on the data takes. A thread that dies is started again by the contribution after.
 *
 * @param start - may throw; whoever needs the thread then meets that.
 * @param chosen - told which engine a run's model was given, and why.
 * @param device - what may compute.
 */
export function createContributionsApart(
  start: StartContributionWorker,
  chosen: (choice: EngineChoice) => void,
  device: DeviceWish = 'auto',
): ContributionThread {
  return new Thread(start, chosen, device);
}

type Waiting = {
  readonly run: number;
  resolve(integers: Int32Array): void;
  reject(error: SottoError): void;
};

class Thread implements ContributionThread {
  readonly #start: StartContributionWorker;
  readonly #chosen: (choice: EngineChoice) => void;
  readonly #device: DeviceWish;
  readonly #runs = new Map<number, { readonly plan: Plan; readonly client: string }>();
  readonly #waiting = new Map<number, Waiting>();
  #worker: ContributionWorker | null = null;
  #closed = false;
  /** Whether a thread has ended by itself. */
  #died = false;
  /** By run, until it was told. */
  readonly #firstTold = new Map<number, (choice: EngineChoice) => void>();
  #begun = 0;
  #contributions = 0;

  constructor(start: StartContributionWorker, chosen: (choice: EngineChoice) => void, device: DeviceWish) {
    this.#start = start;
    this.#chosen = chosen;
    this.#device = device;
  }

  begin(plan: Plan, client: string, first?: (choice: EngineChoice) => void): Contributor {
    const run = ++this.#begun;
    this.#runs.set(run, { plan, client });
    if (first !== undefined && !this.#died) this.#firstTold.set(run, first);
    if (this.#worker !== null) this.#worker.post({ type: 'begin', run, plan, client, device: this.#device });
    else this.#startEarly();
    return {
      contribute: ({ slots, round, clipNormL2, noise }, weights) =>
        new Promise((resolve, reject) => {
          const id = ++this.#contributions;
          const to = this.#running();
          this.#waiting.set(id, { run, resolve, reject });
          to.post({ type: 'contribute', id, run, task: { slots, round, clipNormL2, noise }, weights });
        }),
      dispose: async () => {
        this.#runs.delete(run);
        this.#firstTold.delete(run);
        this.#giveUp('the run has ended', run);
        this.#worker?.post({ type: 'end', run });
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#giveUp('the client is closing');
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
  #running(): ContributionWorker {
    if (this.#closed) throw new SottoError('TRAINING_FAILED', 'the contribution thread is closed');
    if (this.#worker !== null) return this.#worker;
    const worker = this.#start(
      (reply) => this.#answered(reply),
      (reason) => {
        if (this.#worker !== worker) return;
        this.#worker = null;
        this.#died = true;
        this.#firstTold.clear();
        this.#giveUp(`the contribution thread ended: ${reason}`);
      },
    );
    this.#worker = worker;
    for (const [run, begun] of this.#runs) worker.post({ type: 'begin', run, ...begun, device: this.#device });
    return worker;
  }

  #answered(reply: ContributionReply): void {
    if (reply.type === 'engine') {
      this.#chosen(reply.choice);
      this.#firstTold.get(reply.run)?.(reply.choice);
      this.#firstTold.delete(reply.run);
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
