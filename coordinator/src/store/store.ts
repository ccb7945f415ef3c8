import type { MechanismEvent, SlotName } from '@sotto/shared/privacy';
import type { Certificate, RevocationList } from '@sotto/shared/protocol';

/** An enrolled client. */
export type ClientRecord = {
  readonly client: string;
  readonly name: string;
  readonly certificate: Certificate;
  /** Milliseconds since the epoch. */
  readonly enrolledAt: number;
};

export type RunRecord = {
  readonly runId: string;
  readonly planHash: string;
  readonly name: string;
  /** Blob with the canonical JSON of the signed plan. */
  readonly signedPlanBlob: string;
  readonly submittedAt: number;
};

/** One charged slot of one attempt: at the plan's floor, at the first upload, never refunded. */
export type ChargeRecord = {
  readonly planHash: string;
  readonly runId: string;
  readonly round: number;
  readonly slot: SlotName;
  readonly attempt: number;
  /** What the accountant counts; null with privacy none. */
  readonly event: MechanismEvent | null;
  readonly chargedAt: number;
};

/** An entry of a run's transcript: its canonical JSON and the SHA-256 of that text. */
export type TranscriptRecord = { readonly sequence: number; readonly hash: string; readonly entry: string };

export type ReleaseRecord = {
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
  /** Blob with the noisy sum, little-endian signed 32-bit words. */
  readonly sumBlob: string;
  /** Hash of the published model after the release; its blob stays for the newest three, a replay recomputes the others. */
  readonly modelBlob: string;
};

export type CheckpointRecord = {
  readonly runId: string;
  readonly round: number;
  /** Blob with the server's state after the release. */
  readonly stateBlob: string;
  readonly modelBlob: string;
};

/** Everything that becomes durable together with one event of a run. */
export type RunCommit = {
  readonly runId: string;
  /** Position of the event in the run, from 0; a taken one is a conflict. */
  readonly sequence: number;
  /** The event's JSON. */
  readonly event: string;
  readonly run?: RunRecord;
  readonly charges?: readonly ChargeRecord[];
  readonly transcript?: TranscriptRecord;
  readonly release?: ReleaseRecord;
  readonly checkpoint?: CheckpointRecord;
};

/**
 * What the coordinator must remember. Every method is one transaction, durable when its promise resolves. One process writes;
 * a second one is refused at opening.
 *
 * All methods throw {STORE_FAILED} and {DISK_FULL}.
 */
export type Store = {
  /**
   * Admits a client if fewer than `quota` others came with the same voucher; a known client stays as it is.
   * @returns what became of it.
   */
  enrol(record: ClientRecord, quota: number): Promise<'enrolled' | 'known' | 'quotaUsed'>;
  /** All enrolled clients, by id. */
  clients(): Promise<readonly ClientRecord[]>;
  client(client: string): Promise<ClientRecord | null>;
  /** Keeps the list if its number is higher than the kept one's; returns whether it was. */
  setRevocations(list: RevocationList): Promise<boolean>;
  revocations(): Promise<RevocationList | null>;
  /** Appends one event with all that belongs to it. @throws {CONFLICT} when the sequence, run or charge exists already. */
  commit(commit: RunCommit): Promise<void>;
  /** All runs, oldest first. */
  runs(): Promise<readonly RunRecord[]>;
  run(runId: string): Promise<RunRecord | null>;
  /** JSON of a run's events in order, from a number on. */
  events(runId: string, from?: number): Promise<readonly string[]>;
  /** A run's charges, in order of attempt and slot. */
  charges(runId: string): Promise<readonly ChargeRecord[]>;
  transcript(runId: string): Promise<readonly TranscriptRecord[]>;
  releases(runId: string): Promise<readonly ReleaseRecord[]>;
  /** The last checkpoint. */
  checkpoint(runId: string): Promise<CheckpointRecord | null>;
  close(): Promise<void>;
};

/** Content-addressed bytes: the name of a blob is the SHA-256 of its bytes, 64 hexadecimal digits. */
export type Blobs = {
  /** Stores bytes durably and returns their hash. @throws {DISK_FULL} {STORE_FAILED} */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes, or null. */
  get(hash: string): Promise<Uint8Array | null>;
  /** Removes a blob; one that is not there is removed already. @throws {STORE_FAILED} */
  remove(hash: string): Promise<void>;
};
