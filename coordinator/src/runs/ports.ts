import type { CryptoPort } from '@sotto/shared/crypto';
import type { Clock, CoordinatorTransport, Heard, Reply, RunStatus } from '@sotto/shared/protocol';
import type { RandomSource } from '@sotto/shared/random';
import type { Blobs, Store } from '../store/store.ts';
import type { FederationBooks } from './federation-books.ts';

/** Where the driver says what happened. Entries hold no secret, contribution or share. */
export type RunLog = {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
};

/** All that the driver needs of the world; the simulator passes virtual ones. */
export type RunPorts = {
  readonly clock: Clock;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly transport: CoordinatorTransport;
  readonly crypto: CryptoPort;
  /** The CSPRNG; a seeded source only in simulation, which must say so by `allowInsecureRandom`. */
  readonly random: RandomSource;
  readonly log: RunLog;
  /** The federation's pinned authority; plans of another one are refused. Absent: the plan's own (simulation, tests). */
  readonly authority?: string;
  /** A turn of the event loop for others, in the midst of long work. Absent: none (simulation, tests). */
  readonly pause?: () => Promise<void>;
  /** The federation's budget over all plans. Absent: there is none. */
  readonly books?: FederationBooks;
  /** Simulation and tests only: run ids and trusted mode's noise may come from a seeded source. */
  readonly allowInsecureRandom?: boolean;
};

/** Leads all runs of one coordinator: feeds the run machines, performs their effects, owns timers and accumulators. */
export type RunDriver = {
  /** Replays the store's events; sessions that were open are dead. Call once, before anything else. */
  start(): Promise<void>;
  /**
   * Takes a signed plan on and begins as soon as enough clients accept it.
   * @throws {PLAN_INVALID} {PLAN_UNSIGNED} {ROSTER_INVALID} when a roster client is not enrolled, or enrolled with another key.
   * @throws {CARD_INCOMPLETE} when the plan's privacy card lacks a field; {BUDGET_EXCEEDED} when the federation's budget cannot hold it.
   */
  submit(signedPlan: unknown): Promise<{ readonly runId: string; readonly planHash: string }>;
  /**
   * A client's line is open: it is sent what it has not heard of its runs.
   * @param heard - the marks of what its process has heard, none for one that has just begun; null: not known
   */
  clientConnected(client: string, heard?: readonly Heard[] | null): void;
  clientDisconnected(client: string): void;
  /** A client's envelope; what is malformed costs the sender its session and never the round. */
  received(client: string, envelope: unknown): Promise<Reply>;
  /** A client's masked vector, little-endian words; the caller has limited its size. */
  uploaded(client: string, upload: unknown, vector: Uint8Array): Promise<Reply>;
  /** Bytes that a session's vector must have; null when there is no such session with this client in it. */
  vectorBytes(client: string, sessionId: string): number | null;
  /** Counts a blob that was sent, for the runs whose model it is. */
  served(hash: string, bytes: number): void;
  /** Clients that the authority revoked leave at once. */
  revoke(clients: readonly string[]): void;
  /** @throws {NOT_FOUND} */
  status(runId: string): RunStatus;
  /** Of all runs, oldest first. */
  statuses(): readonly RunStatus[];
  /** @throws {NOT_FOUND} {CONFLICT} when the run has ended */
  pause(runId: string): Promise<void>;
  /** @throws {NOT_FOUND} {CONFLICT} */
  resume(runId: string): Promise<void>;
  /** @throws {NOT_FOUND} {CONFLICT} */
  stop(runId: string, reason?: string): Promise<void>;
  /** Called with a run's status when it changed, at most four times a second a run; returns how to stop listening. */
  onStatus(listener: (status: RunStatus) => void): () => void;
  /** Resolves when nothing is being worked on; for simulation and tests. */
  idle(): Promise<void>;
  /** Stops timers and listening; open sessions are lost, as in a crash. The store stays open. */
  close(): Promise<void>;
};
