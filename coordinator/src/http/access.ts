import { timingSafeEqual } from 'node:crypto';
import { SottoError } from '@sotto/shared/errors';
import { sha256 } from '@sotto/shared/crypto';
import { verifySignIn, type Clock, type RevocationList, type SignInAnswer } from '@sotto/shared/protocol';
import type { CryptoPort } from '@sotto/shared/crypto';
import type { RandomSource } from '@sotto/shared/random';
import { toHex, utf8 } from '@sotto/shared/vector';
import type { Store } from '../store/store.ts';

/** Who asks. An operator may do all that a viewer may. */
export type Caller = { readonly kind: 'client'; readonly client: string } | { readonly kind: 'operator' | 'viewer' };

/** How long a sign-in nonce may be answered, in milliseconds. */
const nonceMs = 60_000;
/** How long a client's token is good, in milliseconds; a client signs in again. */
const tokenMs = 24 * 3_600_000;
/** Nonces and tokens that are kept at once; older ones are forgotten. */
const keptMax = 50_000;

/** Sign-in of clients by their identity key, and the two fixed tokens of the data folder. All of it in memory. */
export type Access = {
  challenge(client: string): string;
  /** @throws {UNAUTHENTICATED} {REVOKED} */
  signIn(client: string, nonce: string, signature: string): Promise<SignInAnswer>;
  /** @throws {UNAUTHENTICATED} */
  callerOf(token: string | undefined): Caller;
  /** @throws {REVOKED} */
  requireGood(client: string): void;
  setRevocations(list: RevocationList): void;
};

export type AccessInput = {
  readonly clock: Clock;
  readonly crypto: CryptoPort;
  readonly random: RandomSource;
  readonly store: Store;
  readonly operatorToken: string;
  readonly viewToken: string;
};

/** An access book without clients. */
export function createAccess({ clock, crypto, random, store, operatorToken, viewToken }: AccessInput): Access {
  const nonces = new Map<string, { client: string; endsAt: number }>();
  const tokens = new Map<string, { client: string; endsAt: number }>();
  let revoked: ReadonlySet<string> = new Set();

  function requireGood(client: string): void {
    if (revoked.has(client)) throw new SottoError('REVOKED', `client ${client} was revoked by the authority`);
  }

  return {
    challenge(client) {
      const nonce = toHex(random.bytes(32));
      keep(nonces, nonce, { client, endsAt: clock.now() + nonceMs });
      return nonce;
    },
    async signIn(client, nonce, signature) {
      const asked = nonces.get(nonce);
      nonces.delete(nonce);
      if (asked === undefined || asked.client !== client || asked.endsAt < clock.now()) {
        throw new SottoError('UNAUTHENTICATED', `client ${client}: the nonce is unknown, used or too old`);
      }
      const known = await store.client(client);
      if (known === null) throw new SottoError('UNAUTHENTICATED', `client ${client} has not enrolled`);
      requireGood(client);
      if (!(await verifySignIn(known.certificate.identity, nonce, signature, crypto))) {
        throw new SottoError('UNAUTHENTICATED', `client ${client}: the signature is not its identity key's`);
      }
      const token = toHex(random.bytes(32));
      const endsAt = clock.now() + tokenMs;
      keep(tokens, token, { client, endsAt });
      return { token, expiresAt: new Date(endsAt).toISOString() };
    },
    callerOf(token) {
      if (token === undefined) throw new SottoError('UNAUTHENTICATED', 'the request carries no token');
      if (sameText(token, operatorToken)) return { kind: 'operator' };
      if (sameText(token, viewToken)) return { kind: 'viewer' };
      const known = tokens.get(token);
      if (known === undefined || known.endsAt < clock.now()) {
        throw new SottoError('UNAUTHENTICATED', 'the token is unknown or too old');
      }
      requireGood(known.client);
      return { kind: 'client', client: known.client };
    },
    requireGood,
    setRevocations(list) {
      revoked = new Set(list.revoked);
      for (const [token, { client }] of tokens) if (revoked.has(client)) tokens.delete(token);
    },
  };
}

function keep<Value>(book: Map<string, Value>, key: string, value: Value): void {
  book.set(key, value);
  if (book.size <= keptMax) return;
  const [oldest] = book.keys();
  if (oldest !== undefined) book.delete(oldest);
}

/** Compares by hashes, so that the time tells nothing about how much is right. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(sha256(utf8(a)), sha256(utf8(b)));
}
