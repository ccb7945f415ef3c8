import type { DataSchema, Policy } from '@sotto/shared/plan';
import type { DataReport } from './data/index.ts';
import type { LocalScore } from './scoring/local-score.ts';
import type { ClientModel } from './client/client.ts';
import type { AskConsent, ClientNotice } from './session/index.ts';

/** How a silo's node is set up; everything is read once, at its start. */
export type NodeConfig = {
  /** Holds the identity, made by `join`; for example `.sotto/node`. */
  readonly folder: string;
  readonly schema: DataSchema;
  readonly policy: Policy;
  /** CSV file with the rows that take part. */
  readonly dataFile: string;
  /** CSV file with rows that never take part: each finished model is scored on them, for the own screen alone. */
  readonly holdoutFile?: string;
  /** Folder with the books of the data source; beside the data by default. Two nodes over the same data must name the same. */
  readonly dataSource?: string;
  /** Ends after the first run that ends, also one that ended while this node was away. */
  readonly once?: boolean;
  /** Asks the owner before a plan runs for the first time; absent: the policy alone decides. */
  readonly consent?: AskConsent;
  /** Called with the model of each run that ended with one. */
  readonly keepModel?: (model: ClientModel) => Promise<void>;
  /** Called for everything that happens, for the own screen alone. */
  readonly notify?: (notice: NodeNotice) => void;
};

/** What happens at a node, for its own screen alone. */
export type NodeNotice =
  | ClientNotice
  | { readonly type: 'dataRead'; readonly file: string; readonly report: DataReport }
  | {
      readonly type: 'books';
      readonly dataSource: string;
      readonly epsilonSpent: number;
      readonly epsilonBudget: number;
      /** Uploads without differential privacy, which no ε counts. */
      readonly unprotectedUploads: number;
    }
  | { readonly type: 'engine'; readonly runId: string | null; readonly engine: string; readonly reason: string }
  | { readonly type: 'joined'; readonly client: string; readonly name: string; readonly folder: string }
  | { readonly type: 'connecting'; readonly coordinator: string }
  | { readonly type: 'retrying'; readonly code: string; readonly reason: string }
  | { readonly type: 'scored'; readonly runId: string; readonly modelHash: string; readonly score: LocalScore };

/** How a node ended. */
export type NodeResult = {
  readonly runs: readonly {
    readonly runId: string;
    readonly outcome: 'finished' | 'stopped' | 'failed' | 'refused';
    readonly modelHash: string | null;
    readonly score: LocalScore | null;
  }[];
};

export type RunningNode = {
  readonly client: string;
  /** Takes part in no new session; one that is open is finished. */
  pause(reason: string): void;
  resume(): void;
  /** Resolves when the node has ended by itself (`once`) or was closed; rejects with a SottoError when it cannot go on. */
  readonly done: Promise<NodeResult>;
  close(): Promise<void>;
};
