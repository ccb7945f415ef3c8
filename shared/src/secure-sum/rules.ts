import type { CryptoPort } from '../crypto/index.ts';
import type { ErrorCode } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';
import type { SessionHeader } from './messages.ts';

/** What a session is held to, from the signed plan: both ends have their own copy and never take it from the other. */
export type SumRules = {
  readonly header: SessionHeader;
  /** Ed25519 identity keys (hex) of the plan's roster, or of one group of it, by client id. Nobody else can be in the session. */
  readonly identities: ReadonlyMap<string, string>;
  /** Fewest clients that the sum may be taken over. */
  readonly minSurvivors: number;
  /** Clients that may pool what they know with the coordinator. */
  readonly colluding: number;
  /**
   * Least variance, in steps², of the noise that a client adds to a coordinate of any part, where noise that the survivors do not
   * need is taken out of the sum. Absent: all of it stays.
   */
  readonly removableNoise?: number | undefined;
};

/** A client's own name and its long-lived signature; the key itself stays with the platform. */
export type SumIdentity = {
  readonly client: string;
  sign(message: Uint8Array): Promise<Uint8Array>;
};

/** What a client's steps need from the platform. */
export type SumPorts = {
  readonly crypto: CryptoPort;
  readonly random: RandomSource;
  /** A turn of the event loop for others, in the midst of long work. Absent: none (simulation, tests). */
  readonly pause?: (() => Promise<void>) | undefined;
};

/** Peers whose keys a client works on between two pauses: 20 ms or so with ML-KEM in JavaScript. */
export const peersAtOnce = 8;

/** Why a peer's message was not taken: data, because a peer can cause it. */
export type Rejection = { readonly code: ErrorCode; readonly reason: string };
