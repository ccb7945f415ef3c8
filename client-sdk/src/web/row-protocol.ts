import type { DataSchema } from '@sotto/shared/plan';
import type { DataReport } from '../data/row-reader.ts';
import type { RowBeginning } from '../data/numbered-rows.ts';
import type { ContributionReply, ContributionRequest } from '../training/contribution-protocol.ts';
import type { SentError } from '../client/sent-error.ts';
import type { WebData } from './read-data.ts';

/** The first request of all: the worker reads the rows itself, so that they never pass the thread that speaks. */
export type ReadRequest = {
  readonly type: 'read';
  readonly data: WebData;
  readonly schema: DataSchema;
  readonly splitKey: Uint8Array;
  readonly known: RowBeginning | null;
};

export type ReadReply =
  | {
      readonly type: 'read';
      readonly name: string;
      readonly report: DataReport;
      readonly beginning: RowBeginning | null;
    }
  | { readonly type: 'unreadable'; readonly error: SentError };

export type RowRequest = ReadRequest | ContributionRequest;
export type RowReply = ReadReply | ContributionReply;
