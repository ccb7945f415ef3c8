import type { DataSchema, PolicyInput } from '@sotto/shared/plan';
import type { ClientMember, ClientModel } from '../client/client.ts';
import type { ConsentRequest } from '../client/consent.ts';
import type { Notice } from '../client/notices.ts';
import type { SentError } from '../client/sent-error.ts';
import type { NodeResult } from '../node-config.ts';
import type { SentData } from '../client/data.ts';

/** What a page asks of its worker: one request, one answer, each by its name. */
export type PageCalls = {
  open: { readonly ask: { readonly store: string }; readonly answer: null };
  member: { readonly ask: null; readonly answer: ClientMember | null };
  join: { readonly ask: { readonly invitation: string; readonly name: string }; readonly answer: ClientMember };
  /** Some rows of data that come one after the other; they count for the next start. */
  rows: { readonly ask: { readonly rows: readonly unknown[]; readonly first: boolean }; readonly answer: null };
  start: {
    readonly ask: {
      /** Null: the rows that were sent before. */
      readonly data: SentData | null;
      readonly schema: DataSchema;
      readonly policy: PolicyInput;
      readonly once: boolean;
      /** Whether the page answers questions; else the policy alone decides. */
      readonly asksConsent: boolean;
      /** Where the page has the worker for rows; null: beside this one. */
      readonly contributionWorkerUrl: string | null;
    };
    readonly answer: null;
  };
  pause: { readonly ask: { readonly reason: string }; readonly answer: null };
  resume: { readonly ask: null; readonly answer: null };
  stop: { readonly ask: null; readonly answer: null };
  model: { readonly ask: null; readonly answer: ClientModel | null };
};

export type PageCallName = keyof PageCalls;

export type PageRequest =
  | {
      readonly [Name in PageCallName]: {
        readonly type: 'call';
        readonly id: number;
        readonly name: Name;
        readonly ask: PageCalls[Name]['ask'];
      };
    }[PageCallName]
  /** Null: there was no answer; the plan is refused, and asked for again another time. */
  | { readonly type: 'consented'; readonly id: number; readonly agreed: boolean | null };

export type WorkerMessage =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: SentError }
  | { readonly type: 'notice'; readonly notice: Notice }
  | { readonly type: 'consent'; readonly id: number; readonly request: ConsentRequest }
  /** What was started has ended. */
  | { readonly type: 'ended'; readonly result: NodeResult | null; readonly error: SentError | null };
