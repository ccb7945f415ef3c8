import { sha256, signedBytes, withFields } from '../crypto/index.ts';
import { canonicalJson, toHex } from '../vector/index.ts';
import type { Advertise, Roster, RosterMember, SessionHeader, Share, Upload } from './messages.ts';
import { isHybrid } from './suite.ts';

/**
 * What every key, seal, tag, hash and signature of a session is bound to: the session id is the hash of the whole header
 * (version, suite, plan, run, round, attempt, model), the roster hash fixes who takes part with which keys. The suite is
 * named once more in every string, so that a later suite can never meet the bytes of this one.
 */
export type Binding = { readonly suite: string; readonly sessionId: string; readonly rosterHash: string };

/** The hash (hex) of a session's header. */
export function sessionIdOf(header: SessionHeader): string {
  return toHex(sha256(signedBytes('secure-sum/session', header.suite, canonicalJson(header))));
}

/** What stands for an entry in a roster's hash: its client, and the hash (hex) of its keys and signature. */
export function memberOf(entry: Advertise): RosterMember {
  return { client: entry.client, entryHash: toHex(sha256(signedBytes('secure-sum/entry', canonicalJson(entry)))) };
}

/**
 * The hash (hex) of a roster: every entry in order, each by its hash, so that who has not all entries computes it as well.
 * Whoever has some of them compares those with their hashes.
 */
export function rosterHashOf({ sessionId, entries, members = entries.map(memberOf) }: Roster): string {
  const fields = members.flatMap(({ client, entryHash }) => [client, entryHash]);
  return toHex(sha256(signedBytes('secure-sum/roster', sessionId, ...fields)));
}

/** What stands for the roster's hash in `local` and `trusted` mode, where there are no keys. */
export function plainRosterHash(sessionId: string): string {
  return rosterHashOf({ type: 'roster', sessionId, entries: [] });
}

/** Bytes for one purpose within a session and its roster. */
export function boundBytes(binding: Binding, purpose: string, ...fields: readonly (string | Uint8Array | number)[]) {
  return signedBytes(`secure-sum/${purpose}`, binding.suite, binding.sessionId, binding.rosterHash, ...fields);
}

/** Info from which the masking key is derived from the recovery seed r; the roster does not exist yet. */
export function maskKeyInfo(suite: string, sessionId: string, client: string): Uint8Array {
  return signedBytes('secure-sum/mask-key', suite, sessionId, client);
}

/** Info from which the seed of the masking pair of ML-KEM is derived from the recovery seed r. */
export function maskKemInfo(suite: string, sessionId: string, client: string): Uint8Array {
  return signedBytes('secure-sum/mask-kem', suite, sessionId, client);
}

/** Info of the key under which a client seals, for whoever opens its r, the secrets that it encapsulated. */
export function kemSecretsInfo(binding: Binding, client: string): Uint8Array {
  return boundBytes(binding, 'kem-secrets', client);
}

/** Info of the seal from one client to another: each direction has its own key. */
export function sealInfo(binding: Binding, from: string, to: string): Uint8Array {
  return boundBytes(binding, 'seal', from, to);
}

/** Info of a pair's mask, the same for both ends. */
export function pairMaskInfo(binding: Binding, a: string, b: string): Uint8Array {
  return a < b ? boundBytes(binding, 'pair-mask', a, b) : boundBytes(binding, 'pair-mask', b, a);
}

/** Info of a pair's confirmation tag, the same for both ends. */
export function pairTagInfo(binding: Binding, a: string, b: string): Uint8Array {
  return a < b ? boundBytes(binding, 'confirm', a, b) : boundBytes(binding, 'confirm', b, a);
}

/** Info of a client's self mask, expanded from its seed b. */
export function selfMaskInfo(binding: Binding, client: string): Uint8Array {
  return boundBytes(binding, 'self-mask', client);
}

/** Info by which the key at one place of a client's noise chain follows from the one before. */
export function noiseNextInfo(binding: Binding, client: string, place: number): Uint8Array {
  return boundBytes(binding, 'noise-next', client, place);
}

/** Info of the key from which one layer of a client's noise is drawn. */
export function noiseLayerInfo(binding: Binding, client: string, layer: number): Uint8Array {
  return boundBytes(binding, 'noise-layer', client, layer);
}

/** How every {@link shareHashBytes} of one session begins. */
export function shareHashBegin(binding: Binding): Uint8Array {
  return boundBytes(binding, 'share-hash');
}

/** What is hashed into the published hash of a share, from `shareHashBegin`. A share is uniform in 2^255 values, so its hash hides it. */
export function shareHashBytes(
  begin: Uint8Array,
  dealer: string,
  holder: string,
  kind: 'selfMask' | 'recovery',
  share: Uint8Array,
): Uint8Array {
  return withFields(begin, dealer, holder, kind, share);
}

/** What the signature of an advertise message covers. */
export function advertiseBytes(suite: string, message: Omit<Advertise, 'signature' | 'type'>): Uint8Array {
  const { sessionId, client, maskKey, sealKey, maskKemKey, sealKemKey } = message;
  const kem = isHybrid(suite) ? [maskKemKey ?? '', sealKemKey ?? ''] : [];
  return signedBytes('secure-sum/advertise', suite, sessionId, client, maskKey, sealKey, ...kem);
}

/** What the signature of a share message covers. */
export function shareBytes(
  binding: Binding,
  client: string,
  { shares, maskKemSecrets }: Pick<Share, 'shares' | 'maskKemSecrets'>,
): Uint8Array {
  const hybrid = isHybrid(binding.suite);
  return boundBytes(
    binding,
    'share',
    client,
    ...shares.flatMap((dealt) => [
      dealt.holder,
      dealt.sealed,
      dealt.selfMaskShareHash,
      dealt.recoveryShareHash,
      ...(hybrid ? [dealt.sealCiphertext ?? '', dealt.maskCiphertext ?? ''] : []),
    ]),
    ...(hybrid ? [maskKemSecrets ?? ''] : []),
  );
}

/** What the signature of an upload covers. */
export function uploadBytes(
  binding: Binding,
  client: string,
  { vectorHash, noiseEnd }: Pick<Upload, 'vectorHash' | 'noiseEnd'>,
): Uint8Array {
  return boundBytes(binding, 'upload', client, vectorHash, ...(noiseEnd === undefined ? [] : [noiseEnd]));
}

/** What an agreement covers: plan, round and attempt (by the session), roster, who shared, who uploaded. */
export function agreeBytes(binding: Binding, sharers: readonly string[], survivors: readonly string[]): Uint8Array {
  return agreeHashBytes(binding, setsHashOf(sharers, survivors));
}

/** The same, by the hash (hex) of the sets: up to a thousand clients sign the same ones, and check each other's signatures. */
export function agreeHashBytes(binding: Binding, setsHash: string): Uint8Array {
  return boundBytes(binding, 'agree', setsHash);
}

/** The hash (hex) of who shared and who uploaded. */
export function setsHashOf(sharers: readonly string[], survivors: readonly string[]): string {
  return toHex(sha256(signedBytes('secure-sum/sets', sharers.length, ...sharers, survivors.length, ...survivors)));
}

/** +1 where the client adds the pair's mask, −1 where it subtracts: the two ends of a pair cancel. */
export function maskSign(client: string, peer: string): 1 | -1 {
  return client < peer ? 1 : -1;
}
