import { z } from 'zod';
import { certificateSchema } from './identity.ts';

/**
 * The coordinator's HTTP interface for clients. A client enrols once, signs in by answering a challenge with its identity key, and then
 * shows the token: as `authorization: Bearer …` over HTTP, as `auth.token` in socket.io's handshake. Failures are answered
 * with the JSON of an error: `{ code, message, cure }`.
 */
export const clientPaths = {
  /** POST {@link EnrolRequest} → {@link EnrolAnswer}; repeating it changes nothing. */
  enrol: '/v1/enrol',
  /** POST {@link ChallengeRequest} → {@link Challenge}. */
  challenge: '/v1/sign-in/challenge',
  /** POST {@link SignInRequest} → {@link SignInAnswer}. */
  signIn: '/v1/sign-in',
  /** GET: the bytes with that SHA-256; `range: bytes=N-` gives the rest where a connection broke. */
  blob: (hash: string) => `/v1/blobs/${hash}`,
  /** GET: the newest revocation list that the authority signed; `NOT_FOUND` where nobody was ever revoked. */
  revocationList: '/v1/revocation-list',
  /**
   * PUT the masked vector, little-endian 32-bit words; answers with a `Reply`. The first that arrived whole is counted, once, and its
   * reply is given again. Where a connection broke, GET says at which byte to go on ({@link UploadOffset}), and a PUT with
   * `content-range: bytes FROM-LAST/LENGTH` brings the rest; with a star for `FROM-LAST` and no body it asks for the reply alone. A
   * rest that does not fit to what is there is answered by 409 and an {@link UploadOffset}.
   */
  vector: (sessionId: string) => `/v1/sessions/${sessionId}/vector`,
} as const;

/** Header of a vector's PUT: the JSON of the signed Upload message. */
export const uploadHeader = 'x-sotto-upload';

/** How many bytes of a client's vector the coordinator has; null when it awaits none: it was counted, or its session is over. */
export const uploadOffsetSchema = z.object({ offset: z.int().min(0).nullable() });
export type UploadOffset = z.infer<typeof uploadOffsetSchema>;

/** Namespace and events of socket.io. */
export const clientSocket = { namespace: '/clients', message: 'message', envelope: 'envelope' } as const;

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

export const enrolRequestSchema = z.strictObject({ certificate: certificateSchema });
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

export const enrolAnswerSchema = z.object({ client: hex(20) });
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>;

export const challengeRequestSchema = z.strictObject({ client: hex(20) });
export type ChallengeRequest = z.infer<typeof challengeRequestSchema>;

/** A fresh nonce, good for one sign-in, and the coordinator's time (ISO 8601), to find clocks that are hours off. */
export const challengeSchema = z.object({ nonce: hex(32), now: z.iso.datetime() });
export type Challenge = z.infer<typeof challengeSchema>;

/** The identity key's signature over `signInBytes(nonce, client)`. */
export const signInRequestSchema = z.strictObject({ client: hex(20), nonce: hex(32), signature: hex(64) });
export type SignInRequest = z.infer<typeof signInRequestSchema>;

export const signInAnswerSchema = z.object({ token: z.string().min(16).max(4_000), expiresAt: z.iso.datetime() });
export type SignInAnswer = z.infer<typeof signInAnswerSchema>;
