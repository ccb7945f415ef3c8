import nacl from 'tweetnacl';
import { signedBytes, type CryptoPort } from '../crypto/index.ts';
import { canonicalJson, fromHex, toHex } from '../vector/index.ts';

/** What the authority signs; each has a domain of its own, so that one signature never passes for another. */
export type AuthorityDomain = 'plan' | 'voucher' | 'revocations';

/** An authority's key pair as seed and public key, 32 bytes each, hex. */
export type AuthorityKey = { readonly seed: string; readonly publicKey: string };

/** The key pair of an Ed25519 seed, hex of 32 bytes. */
export function authorityKeyOf(seed: string): AuthorityKey {
  return { seed, publicKey: toHex(nacl.sign.keyPair.fromSeed(fromHex(seed)).publicKey) };
}

/** The authority's signature over the canonical JSON of a content, in its domain; hex of 64 bytes. */
export function signAsAuthority(key: AuthorityKey, domain: AuthorityDomain, content: unknown): string {
  return toHex(nacl.sign.detached(signedBytes(domain, canonicalJson(content)), secretKeyOf(key)));
}

/** Expanding a seed costs as much as signing. Kept no longer than the key itself, and by the seed alone: the stated half is not trusted. */
const secretKeys = new WeakMap<AuthorityKey, Uint8Array>();

function secretKeyOf(key: AuthorityKey): Uint8Array {
  const known = secretKeys.get(key) ?? nacl.sign.keyPair.fromSeed(fromHex(key.seed)).secretKey;
  secretKeys.set(key, known);
  return known;
}

/** Whether the authority signed this content in this domain. A malformed key or signature is no signature. */
export function authoritySigned(
  authority: string,
  domain: AuthorityDomain,
  content: unknown,
  signature: string,
): boolean {
  if (!/^[0-9a-f]{64}$/.test(authority) || !/^[0-9a-f]{128}$/.test(signature)) return false;
  const bytes = fromHex(signature);
  const message = signedBytes(domain, canonicalJson(content));
  return hasCanonicalScalar(bytes) && nacl.sign.detached.verify(message, bytes, fromHex(authority));
}

/** As {@link authoritySigned}, by the platform's Ed25519: many times faster, for what is checked once for each client of a roster. */
export async function authoritySignedBy(
  authority: string,
  domain: AuthorityDomain,
  content: unknown,
  signature: string,
  crypto: CryptoPort,
): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(authority) || !/^[0-9a-f]{128}$/.test(signature)) return false;
  return crypto.ed25519Verify(fromHex(authority), signedBytes(domain, canonicalJson(content)), fromHex(signature));
}

/** The group order L of Ed25519, big-endian. @see RFC 8032 §5.1 */
const groupOrder = fromHex('1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed');

/** RFC 8032 §5.1.7 step 1, which tweetnacl leaves out: S < L, so that a signature has one form only. */
function hasCanonicalScalar(signature: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) {
    const digit = signature[63 - i]!;
    const limit = groupOrder[i]!;
    if (digit !== limit) return digit < limit;
  }
  return false;
}
