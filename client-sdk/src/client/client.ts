import type { DataSchema, Plan, PolicyInput } from '@sotto/shared/plan';
import type { RowRecord } from '../judging/encode-records.ts';
import type { Explanation } from '../judging/explain-row.ts';
import type { Prediction } from '../judging/predict.ts';
import type { NodeResult } from '../node-config.ts';
import type { ConsentRequest } from './consent.ts';
import type { ClientData } from './data.ts';
import type { ExplainRowOptions, PredictOptions } from './judging-protocol.ts';
import type { Notice } from './notices.ts';

export type OpenOptions = {
  /**
   * Where identity, books and model are kept: in a browser the name of a database, in Node a folder. It belongs to the data, because
   * its books count what these were asked. The books of a file of Node lie beside the file, whatever the store.
   */
  readonly store: string;
  /** In a browser: where the page has this package's `client-worker.js`; beside the entry by default. */
  readonly workerUrl?: string | URL;
  /** In a browser: where the page has `contribution-worker.js`; beside the other by default. */
  readonly contributionWorkerUrl?: string | URL;
  /** In a browser: where the page has `judging-worker.js`; beside the entry by default. */
  readonly judgingWorkerUrl?: string | URL;
};

/** A client of a federation: the same in a browser's page and in Node. */
export type Client = {
  /**
   * Joins a federation: makes an identity key, which never leaves the store, signs it with the invitation's voucher and enrols.
   * May be repeated with the same invitation: a client that has joined stays who it is.
   *
   * @param invitation - the line of text that the authority gave out.
   * @throws {INVITATION_INVALID} when it is malformed, expired or used up.
   * @throws {UNREACHABLE} when the coordinator does not answer; the identity is kept.
   * @throws {CONFLICT} when the store belongs to another invitation.
   */
  join(invitation: string, options: JoinOptions): Promise<ClientMember>;
  /** Who this client is; null before it has joined. */
  member(): Promise<ClientMember | null>;
  /**
   * Reads the data, connects, and takes part in every run that policy and consent allow. Resolves when it is connecting, or when it
   * waits for another tab or process that has the store.
   *
   * @throws {NOT_FOUND} when it has not joined.
   * @throws {DATA_INVALID} when the data lack a column of the schema, or rows that are known by their number have moved.
   * @throws {CONFLICT} when it runs already.
   */
  start(options: StartOptions): Promise<RunningClient>;
  /** The model of the last run that this client took part in to its end; null where there is none. */
  model(): Promise<ClientModel | null>;
  /**
   * What a model says of rows, in their order. Computed in a thread of its own, which starts when it is first asked; nothing leaves
   * the device.
   *
   * @param rows - by column name, every column of the schema; null says that a value is missing.
   * @throws {DATA_INVALID} naming the row and the column that do not fit the schema of the model's plan.
   */
  predict(model: ClientModel, rows: readonly RowRecord[], options?: PredictOptions): Promise<readonly Prediction[]>;
  /**
   * Why a model says what it says of one row, computed as `predict`.
   * @throws {DATA_INVALID} as `predict`; {INVALID_INPUT} when the target has no such text.
   */
  explain(model: ClientModel, row: RowRecord, options?: ExplainRowOptions): Promise<Explanation>;
  /** Ends what runs, and the client's workers. */
  close(): Promise<void>;
};

export type JoinOptions = {
  /** What the others see, unless the invitation fixes the name. */
  readonly name: string;
};

export type ClientMember = { readonly client: string; readonly name: string; readonly coordinator: string };

export type StartOptions = {
  readonly data: ClientData;
  /** How the data are read; a plan with another schema is refused. */
  readonly schema: DataSchema;
  /** What a plan may ask for: `{ version: 1 }` is a careful one. */
  readonly policy: PolicyInput;
  /**
   * Asks the person whose data they are, before the first run of a plan, in words of the privacy card. The answer is remembered
   * for that plan. Absent: the policy alone decides.
   */
  readonly consent?: (request: ConsentRequest) => boolean | Promise<boolean>;
  /** Called for everything that happens, for the own screen alone. */
  readonly onNotice?: (notice: Notice) => void;
  /** `charging`: takes part in no new session while the battery is in use. Default `any`. */
  readonly battery?: 'any' | 'charging';
  /** `unmetered`: takes part in no new session on a line that is paid by volume, or where data are to be saved. Default `any`. */
  readonly network?: 'any' | 'unmetered';
  /** Ends after the first run that ends. */
  readonly once?: boolean;
};

export type RunningClient = {
  /** Takes part in no new session; one that is open is finished. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Leaves what is open and disconnects; the store keeps identity and books. */
  close(): Promise<void>;
  /** Resolves when the client has ended by itself (`once`) or was closed; rejects with a SottoError when it cannot go on. */
  readonly done: Promise<NodeResult>;
};

/** A model that a run released, with the plan that says what its inputs and outputs are. */
export type ClientModel = {
  readonly runId: string;
  readonly planHash: string;
  readonly plan: Plan;
  /** SHA-256 of the weights' bytes, hex. */
  readonly modelHash: string;
  /** float32 [d], by the layout of the plan's topology. */
  readonly weights: Float32Array;
};
