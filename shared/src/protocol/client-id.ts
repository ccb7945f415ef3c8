import { sha256 } from '../crypto/index.ts';
import { fromHex, toHex } from '../vector/index.ts';

/** The id of a client: the first 20 bytes of the SHA-256 of its Ed25519 identity key, hex. */
export function clientIdOf(identity: string): string {
  return toHex(sha256(fromHex(identity)).subarray(0, 20));
}

/** What a federation is known by: SHA-256 of the authority's public key, hex. */
export function fingerprintOf(authority: string): string {
  return toHex(sha256(fromHex(authority)));
}

/** A fingerprint in groups of four digits, as people read it aloud. */
export function fingerprintWords(fingerprint: string): string {
  return fingerprint.match(/.{1,4}/g)?.join(' ') ?? fingerprint;
}
