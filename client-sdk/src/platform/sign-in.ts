import {
  challengeSchema,
  clientPaths,
  clockSkewMaxMs,
  signInAnswerSchema,
  signInBytes,
  type Clock,
} from '@sotto/shared/protocol';
import { SottoError } from '@sotto/shared/errors';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';
import { postJson, type CoordinatorHttp } from './coordinator-http.ts';

/** A token that the coordinator gave for an answered challenge. */
export type SignedIn = { readonly token: string; readonly skewMs: number };

/**
 * Signs in by answering the coordinator's challenge with the identity key.
 * @throws {UNAUTHENTICATED | REVOKED} when the coordinator does not accept the identity; {UNREACHABLE} {TLS_MISMATCH}.
 */
export async function signIn(http: CoordinatorHttp, identity: SumIdentity, clock: Clock): Promise<SignedIn> {
  const { client } = identity;
  const challenge = challengeSchema.safeParse(await postJson(http, clientPaths.challenge, { client }));
  if (!challenge.success)
    throw new SottoError('MESSAGE_INVALID', `${clientPaths.challenge}: a malformed challenge came`);
  const { nonce, now } = challenge.data;
  const signature = toHex(await identity.sign(signInBytes(nonce, client)));
  const answer = signInAnswerSchema.safeParse(await postJson(http, clientPaths.signIn, { client, nonce, signature }));
  if (!answer.success) throw new SottoError('MESSAGE_INVALID', `${clientPaths.signIn}: a malformed answer came`);
  return { token: answer.data.token, skewMs: Date.parse(now) - clock.now() };
}

/** Words for the own screen when the clocks differ by more than {@link clockSkewMaxMs}; null when they do not. */
export function skewWarning(skewMs: number): string | null {
  if (Math.abs(skewMs) <= clockSkewMaxMs) return null;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  return `the coordinator's clock is ${minutes} minutes ${skewMs > 0 ? 'ahead of' : 'behind'} this one; nothing but expiry depends on it`;
}
