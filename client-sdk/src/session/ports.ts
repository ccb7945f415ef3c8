import type { CryptoPort } from '@sotto/shared/crypto';
import type { ErrorCode } from '@sotto/shared/errors';
import type { LocalModel, UnitBatch } from '@sotto/shared/model';
import type { DataSchema, Plan, Policy } from '@sotto/shared/plan';
import type { PartSpec } from '@sotto/shared/privacy';
import type { ClientTransport, Clock, ServerMessage } from '@sotto/shared/protocol';
import type { RandomSource } from '@sotto/shared/random';
import type { ClientNoise, SessionHeader, SumIdentity } from '@sotto/shared/secure-sum';
import type { Revocations } from '../identity/revocations.ts';
import type { ClientLedgerStore } from '../ledger/ledger-store.ts';
import type { SessionStage } from './machine-state.ts';

/** Which of a client's units, by the keyed split. */
export type DataPart = PartSpec['dataPart'];

/** The client's own data, as the driver asks for them. */
export type LocalData = {
  /** The schema that the rows were read with; a plan with another one is refused. */
  readonly schema: DataSchema;
  /** All units of a part, under the split that the data source was pinned to. */
  unitsOf(part: DataPart, split: Plan['split']): UnitBatch | Promise<UnitBatch>;
};

/** What a contribution needs to know of its session; `noise`: the keys of that which may be taken out, null where none may. */
export type ContributionTask = Pick<SessionHeader, 'slots' | 'round' | 'clipNormL2'> & {
  readonly noise: ClientNoise | null;
};

/** Makes the contributions of one run, each by `contributeSession`. */
export type Contributor = {
  /**
   * The contribution to a session, ready to be masked; the caller owns the array and wipes it.
   * @param weights - the published weights of the round, float32 [d]
   */
  contribute(task: ContributionTask, weights: Float32Array): Promise<Int32Array>;
  /** Ends with the run; what is under way comes to nothing or is waited for. */
  dispose(): Promise<void>;
};

/** Contributions are computed on the driver's own thread: for simulation and tests, and for platforms without threads. */
export type InPlacePorts = {
  readonly data: LocalData;
  /** A model of the plan's topology, made once a run and disposed of at its end. */
  createModel(plan: Plan): Promise<LocalModel>;
  readonly createContributor?: undefined;
};

/** What computes a run's contributions, before anything of it is rounded. */
export type ChosenDevice = {
  readonly engine: string;
  readonly device: 'gpu' | 'cpu';
  /** Rows a second in the trial on made-up rows; null where there was none. */
  readonly rowsPerSecond: number | null;
  /** Memory of the whole machine, never of the process; null where it is not known. */
  readonly machineBytes: number | null;
};

/** Contributions are computed elsewhere, so that work on data never keeps a message waiting. */
type ApartPorts = {
  readonly data: Pick<LocalData, 'schema'>;
  /**
   * Called once, when a run is accepted, so that its start is over before the first round.
   * @param chosen - to be told what computes. It is kept for the coordinator where the owner's policy allows that, so neither what
   *   it is told nor when may follow from the data.
   */
  createContributor(plan: Plan, chosen: (device: ChosenDevice) => void): Contributor;
};

/** What happened, for the client's own screen alone: nothing of this is ever sent. */
export type ClientNotice =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  /** Takes part in no new session until resumed; one that is open is finished. */
  | { readonly type: 'paused'; readonly reason: string }
  | { readonly type: 'resumed' }
  | { readonly type: 'offered'; readonly runId: string; readonly planHash: string; readonly plan: Plan }
  | { readonly type: 'accepted'; readonly runId: string; readonly planHash: string; readonly plan: Plan }
  | {
      readonly type: 'refused';
      readonly runId: string;
      readonly planHash: string;
      readonly code: ErrorCode;
      readonly reason: string;
    }
  | {
      readonly type: 'sessionOpened';
      readonly runId: string;
      readonly sessionId: string;
      readonly round: number;
      readonly rounds: number;
      readonly attempt: number;
    }
  | { readonly type: 'stage'; readonly sessionId: string; readonly round: number; readonly stage: SessionStage }
  | {
      readonly type: 'charged';
      readonly sessionId: string;
      readonly round: number;
      readonly attempt: number;
      /** ε of everything that this data source was charged, by its own filter; null when nothing is charged (privacy none). */
      readonly epsilonAfter: number | null;
      readonly epsilonBudget: number | null;
    }
  /** The contribution was not there when the upload had to leave, so that noise alone left; only where a coin is to be hidden. */
  | {
      readonly type: 'updateLate';
      readonly sessionId: string;
      readonly round: number;
      readonly paceMs: number;
      readonly reason: string;
    }
  | { readonly type: 'sessionLeft'; readonly sessionId: string; readonly code: ErrorCode; readonly reason: string }
  | {
      readonly type: 'sessionClosed';
      readonly runId: string;
      readonly sessionId: string;
      readonly round: number;
      readonly outcome: 'released' | 'failed';
      readonly reason: string | null;
    }
  | {
      readonly type: 'runEnded';
      readonly runId: string;
      readonly outcome: 'finished' | 'stopped' | 'failed';
      readonly modelHash: string;
      readonly reason: string | null;
      /** Null when this client never accepted the run. */
      readonly plan: Plan | null;
    }
  | { readonly type: 'ignored'; readonly code: ErrorCode; readonly reason: string };

/** Asks the owner of the data, in whatever way, whether a plan may run on them; a plan that is refused is not asked for again. */
export type AskConsent = (asked: {
  readonly runId: string;
  readonly planHash: string;
  readonly plan: Plan;
}) => Promise<boolean>;

/** Everything that a client's driver needs from its surroundings. */
export type ClientPorts = (InPlacePorts | ApartPorts) & {
  readonly clock: Clock;
  readonly transport: ClientTransport;
  readonly crypto: CryptoPort;
  /** The platform's CSPRNG; keys, coin, noise and local shuffling are drawn from it. */
  readonly random: RandomSource;
  readonly identity: SumIdentity;
  /** The pinned authority: Ed25519 public key, hex. */
  readonly authority: string;
  readonly policy: Policy;
  readonly ledger: ClientLedgerStore;
  /** Whom the authority revoked. Null: nobody, for simulation and tests. */
  readonly revocations: Revocations | null;
  /** Asked last, of a plan that everything else allows. Absent: the policy alone decides. */
  readonly consent?: AskConsent;
  notify(notice: ClientNotice): void;
  /** A turn of the event loop for others, in the midst of long work. Absent: none (simulation, tests). */
  readonly pause?: () => Promise<void>;
  /** For simulation and tests alone: lets a seeded source stand in for the CSPRNG. */
  readonly allowInsecureRandom?: boolean;
};

/**
 * One client, driven by messages. It has no timers and no input or output of its own, so the same driver runs on a node, in a
 * browser and in the simulator.
 */
export type ClientDriver = {
  /** A message from the coordinator, already validated by `serverMessageSchema`. Never throws. */
  received(message: ServerMessage): void;
  connected(): void;
  disconnected(): void;
  /** Takes part in no new session; an open one is finished, and runs are still looked at. */
  pause(reason: string): void;
  resume(): void;
  /** Ends open sessions in memory, disposes of models; the ledger stays open, its owner closes it. */
  close(): Promise<void>;
};
