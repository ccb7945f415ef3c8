import type { SessionHeader, SumMessage, SumRequest } from '../index.ts';

/** `vectors/v1/session.json`: one whole session and everything that it follows from. All bytes are hexadecimal. */
export type SessionVectors = {
  readonly reading: string;
  readonly header: SessionHeader;
  readonly sessionId: string;
  readonly rosterHash: string;
  readonly minSurvivors: number;
  readonly colluding: number;
  readonly threshold: number;
  readonly clients: readonly {
    readonly client: string;
    readonly identitySeed: string;
    readonly identity: string;
    /** What it drew, in order. */
    readonly draws: readonly string[];
    readonly contribution: readonly number[];
    /** The vector that it uploads; null for the one that is lost. */
    readonly masked: string | null;
  }[];
  readonly exchange: readonly (
    | { readonly from: string; readonly message: SumMessage }
    | { readonly to: string; readonly request: SumRequest }
    | { readonly lost: string }
  )[];
  readonly sum: readonly number[];
};

/**
 * A case of `vectors/v1/bad_*.json`: in the place of what the first client sent, or was sent, in that session. `code` is what it is
 * refused with; `decode` where its form already is.
 */
export type BadCase = { readonly name: string; readonly code: string } & (
  { readonly message: unknown; readonly request?: never } | { readonly request: unknown; readonly message?: never }
);

export type VectorFiles = {
  readonly session: SessionVectors;
  /** By type of message. */
  readonly bad: Readonly<Record<string, readonly BadCase[]>>;
};
