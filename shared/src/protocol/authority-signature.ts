import nacl from 'tweetnacl';
import { signedBytes } from '../crypto/index.ts';
import { SottoError } from '../errors/index.ts';
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
  const pair = nacl.sign.keyPair.fromSeed(fromHex(key.seed));
  return toHex(nacl.sign.detached(signedBytes(domain, canonicalJson(content)), pair.secretKey));
}

/** Whether the authority signed this content in this domain. */
export function authoritySigned(authority: string, domain: AuthorityDomain, content: unknown, signature: string): boolean {
  try {
    return nacl.sign.detached.verify(signedBytes(domain, canonicalJson(content)), fromHex(signature), fromHex(authority));
  } catch (error) {
    // Malformed keys or signatures throw in tweetnacl and in fromHex; both mean "not signed".
    if (error instanceof SottoError || error instanceof Error) return false;
    throw error;
  }
}
