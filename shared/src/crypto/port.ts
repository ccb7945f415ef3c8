import type { RandomSource } from '../random/index.ts';
import type { MlKem } from './ml-kem.ts';

/**
 * The primitives that the protocol composes, as one port, so that the same protocol runs on WebCrypto, on node:crypto
 * and on the noble libraries, and so that each can be the test oracle of the others. Nothing here is our own cryptography.
 * Keys, secrets and hashes are 32 bytes, signatures 64; those of ML-KEM are longer.
 */
export type CryptoPort = MlKem & {
  /** Names the implementation, for example `node` or `noble`. */
  readonly name: string;
  sha256(data: Uint8Array): Promise<Uint8Array>;
  /** HKDF-SHA256 with an empty salt. @see RFC 5869 */
  hkdf(secret: Uint8Array, info: Uint8Array, length: number): Promise<Uint8Array>;
  x25519PublicKey(secret: Uint8Array): Promise<Uint8Array>;
  /** The shared secret. @throws {KEY_MISMATCH} for a low-order key (all-zero result). @see RFC 7748 §6.1 */
  x25519(secret: Uint8Array, peer: Uint8Array): Promise<Uint8Array>;
  ed25519PublicKey(seed: Uint8Array): Promise<Uint8Array>;
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
  /**
   * Adds or subtracts key streams to `target` modulo 2^32, in place: of each mask the AES-256-CTR key stream (zero counter
   * block), read as little-endian 32-bit words, from word `firstWord` of the stream on (a multiple of 4).
   */
  addMasks(target: Uint32Array, masks: readonly Mask[], firstWord?: number): Promise<void>;
  readonly keyStream: KeyStream;
};

/**
 * The key stream of `addMasks`, of one key, as a source of randomness, which whoever has the key can draw from again.
 * @param drawnBy - the source that the key came from: the stream is as good as that one, and no better
 */
export type KeyStream = (key: Uint8Array, drawnBy: Pick<RandomSource, 'secure'>) => RandomSource;

/** A key of 32 bytes whose stream is added (`sign` 1) or subtracted (`sign` -1). */
export type Mask = { readonly key: Uint8Array; readonly sign: 1 | -1 };
