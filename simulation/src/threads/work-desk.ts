import type { CryptoPort } from '@sotto/shared/crypto';
import { nodeKeyStream } from '@sotto/shared/crypto/node';
import { layoutLength } from '@sotto/shared/vector';
import { modelLayout } from '@sotto/shared/model';
import { inputWidth, type Plan } from '@sotto/shared/plan';
import {
  createContributionMaker,
  type ContributionJob,
  type ContributionMaker,
  type MadeContribution,
} from './contribution-maker.ts';
import { ContributionThread } from './contribution-thread.ts';

/** Smallest model whose contributions are dealt among threads: below it a thread's start and messages cost more than they save. */
const threadedMinWeights = 20_000;

/** Fewest bytes that are hashed here at all, on whatever number of threads: less is hashed by whoever asks. */
const hashedMinBytes = 65_536;

type Asked = {
  /** Begins the work; `lane` of the desk's threads does it, 0 is the caller's. */
  readonly lane: number;
  readonly begin: () => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Where a simulated federation's work on long vectors is done, on as many threads as one likes: contributions, and hashes of
 * models and uploads. Work is asked for, and done when the federation comes to it: all that was asked for in one instant of its
 * clock at once, dealt among the threads. Results are given out together, in the order in which they were asked for, so one seed is
 * one run, bit for bit, whatever the number of threads.
 */
export class WorkDesk {
  readonly #lanes: readonly ContributionMaker[];
  readonly #threads: readonly ContributionThread[];
  readonly #sha256: CryptoPort['sha256'];
  readonly #laneOf = new Map<string, number>();
  #asked: Asked[] = [];
  #lastHashed: ArrayBufferLike | null = null;

  /** @param threads - the caller's own is one of them */
  constructor(plan: Plan, threads: number, crypto: Pick<CryptoPort, 'sha256'>) {
    const weights = layoutLength(modelLayout(plan.topology, inputWidth(plan.schema)));
    const others = weights < threadedMinWeights ? 0 : threads - 1;
    this.#threads = Array.from({ length: others }, () => new ContributionThread(plan));
    this.#lanes = [createContributionMaker(plan, nodeKeyStream), ...this.#threads];
    this.#sha256 = crypto.sha256;
  }

  /** A client's contributions are all made on one thread, which keeps what they leave behind. */
  contribute(job: ContributionJob): Promise<MadeContribution> {
    const lane = this.#laneFor(job.client);
    return this.#ask(lane, () => this.#lanes[lane]!.contribute(job));
  }

  end(client: string, life: number): void {
    this.#lanes[this.#laneFor(client)]!.end(life);
  }

  /** SHA-256 as the port has it. Only what other threads can have without a copy for each hash is hashed there. */
  async sha256(bytes: Uint8Array): Promise<Uint8Array> {
    if (bytes.length < hashedMinBytes) return this.#sha256(bytes);
    let lane = 0;
    if (this.#threads.length > 0 && bytes.buffer instanceof SharedArrayBuffer)
      lane = 1 + (this.#asked.length % this.#threads.length);
    // All clients of a round hash one model.
    else if (this.#lastHashed === bytes.buffer) lane = this.#asked.length % this.#lanes.length;
    this.#lastHashed = bytes.buffer;
    return this.#ask(lane, () => (lane === 0 ? this.#sha256(bytes) : this.#threads[lane - 1]!.hash(bytes)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #laneFor(client: string): number {
    let lane = this.#laneOf.get(client);
    if (lane === undefined) {
      lane = this.#laneOf.size % this.#lanes.length;
      this.#laneOf.set(client, lane);
    }
    return lane;
  }

  /** Whether work was asked for that is not done. */
  get busy(): boolean {
    return this.#asked.length > 0;
  }

  /** Does what was asked for up to now, and gives out the results. */
  async work(): Promise<void> {
    const batch = this.#asked;
    this.#asked = [];
    // The other threads first: what this one does keeps it from sending.
    const elsewhere = batch.map(({ lane, begin }) => (lane === 0 ? null : begin()));
    const results = await Promise.allSettled(batch.map(({ begin }, index) => elsewhere[index] ?? begin()));
    results.forEach((result, index) => {
      const { resolve, reject } = batch[index]!;
      if (result.status === 'fulfilled') resolve(result.value);
      else reject(result.reason);
    });
  }

  #ask<Result>(lane: number, begin: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ lane, begin, resolve: resolve as Asked['resolve'], reject });
    });
  }
}
