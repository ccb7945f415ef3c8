import { sealOverheadBytes, type CryptoPort } from '../crypto/index.ts';
import { concatBytes } from '../vector/index.ts';
import { pairMaskInfo, pairTagInfo, type Binding } from './binding.ts';
import type { Pair } from './client-state.ts';
import type { Advertise, DealtShare } from './messages.ts';
import { isHybrid } from './suite.ts';

/** Length of a pair's confirmation tag in bytes. */
const tagBytes = 16;

/** A secret of ML-KEM and the ciphertext that carried it. */
export type KemSecret = { readonly secret: Uint8Array; readonly ciphertext: Uint8Array };

/**
 * What the keys between two clients are derived from: the X25519 secret, in the hybrid suite with ML-KEM's behind it, so that
 * the keys of a session that was recorded stay secret while one of the two holds. The ciphertext goes in as well, so that no
 * other one gives the same keys; the public keys do so by the roster's hash in every info. Who sent a ciphertext is seen by the
 * coordinator alone, by signature and pair tags: one that lies, and breaks X25519 while the session lasts, could send its own.
 *
 * @param kem - null in the suite without ML-KEM
 * @see Giacon, Heuer & Poettering 2018, "KEM Combiners", §3
 */
export async function combinedSecret(
  crypto: CryptoPort,
  shared: Uint8Array,
  kem: KemSecret | null,
): Promise<Uint8Array> {
  if (kem === null) return shared;
  return concatBytes(shared, kem.secret, await crypto.sha256(kem.ciphertext));
}

/** The mask key and confirmation tag of two clients, the same at both ends. */
export async function pairOf(
  crypto: CryptoPort,
  binding: Binding,
  a: string,
  b: string,
  secret: Uint8Array,
): Promise<Pair> {
  return {
    key: await crypto.hkdf(secret, pairMaskInfo(binding, a, b), 32),
    tag: await crypto.hkdf(secret, pairTagInfo(binding, a, b), tagBytes),
  };
}

/** All public keys of an entry. */
export function keysOf({ maskKey, sealKey, maskKemKey, sealKemKey }: Advertise): readonly string[] {
  return [maskKey, sealKey, maskKemKey, sealKemKey].filter((key) => key !== undefined);
}

/** Whether an advertised entry has just the keys that its suite asks for. */
export function hasSuiteKeys(suite: string, { maskKemKey, sealKemKey }: Advertise): boolean {
  const hybrid = isHybrid(suite);
  return (maskKemKey !== undefined) === hybrid && (sealKemKey !== undefined) === hybrid;
}

/**
 * Whether a dealing has just the ciphertexts that its suite asks for: one for the seal, and one for the mask where the holder
 * comes after the dealer, so that each pair has one.
 */
export function hasSuiteCiphertexts(
  suite: string,
  dealer: string,
  holder: string,
  { sealCiphertext, maskCiphertext }: Omit<DealtShare, 'holder'>,
): boolean {
  const hybrid = isHybrid(suite);
  return (sealCiphertext !== undefined) === hybrid && (maskCiphertext !== undefined) === (hybrid && dealer < holder);
}

/**
 * Characters of what a dealer seals for its recovery: 32 bytes for each holder after it. Undefined in the suite without.
 * @param holders - all clients of the roster, in order
 */
export function kemSecretsLength(suite: string, dealer: string, holders: readonly string[]): number | undefined {
  if (!isHybrid(suite)) return undefined;
  const later = holders.filter((holder) => dealer < holder).length;
  return Math.ceil(((32 * later + sealOverheadBytes) * 4) / 3);
}
