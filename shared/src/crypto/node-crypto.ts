import {
  createCipheriv,
  hash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { SottoError } from '../errors/index.ts';
import { counterBlock } from './counter-block.ts';
import { isSoundEd25519Key } from './ed25519-key.ts';
import { nodeKeyStream } from './node-key-stream.ts';
import { createNodeMlKem } from './node-ml-kem.ts';
import type { CryptoPort } from './port.ts';
import { memoryReleaser } from './node-memory.ts';
import { addStreams, pieceWords, wipeKernel } from './word-kernel.ts';

type Curve = 'X25519' | 'Ed25519';

/** Public keys kept as parsed objects; enough for a full cohort's masking, sealing and identity keys. */
const publicKeysKept = 1_024;

/**
 * Signatures that verified, with their exact message, so that one signature is verified once in a process, however many
 * clients of a simulation or steps of a session look at it.
 */
const verifiedKept = 1_024;
const verifiedMaxBytes = 16_384;

const zeros = new Uint8Array(4 * pieceWords);
const zeroSalt = new Uint8Array(0);

/**
 * The port on node:crypto (OpenSSL). Parsed private keys are remembered only as long as the caller keeps the very array
 * that holds the secret, which must not be changed in between.
 *
 * @param options - `rememberSignatures`: false verifies a signature anew each time, as processes apart would.
 */
export function createNodeCrypto(options: { readonly rememberSignatures?: boolean } = {}): CryptoPort {
  const { rememberSignatures = true } = options;
  const privateKeys = { X25519: new WeakMap<Uint8Array, KeyObject>(), Ed25519: new WeakMap<Uint8Array, KeyObject>() };
  const publicKeys = { X25519: new Map<string, KeyObject>(), Ed25519: new Map<string, KeyObject>() };

  const verified = new Map<string, Buffer>();

  function privateKey(curve: Curve, secret: Uint8Array): KeyObject {
    const known = privateKeys[curve].get(secret);
    if (known) return known;
    if (secret.length !== 32) throw new SottoError('INVALID_INPUT', `expected a key of 32 bytes, got ${secret.length}`);
    // As JWK, which OpenSSL takes in a sixth of the time of DER. Of a private key it reads `d` alone and computes the rest.
    const d = Buffer.from(secret.buffer, secret.byteOffset, 32).toString('base64url');
    const key = createPrivateKey({ key: { kty: 'OKP', crv: curve, x: '', d }, format: 'jwk' });
    privateKeys[curve].set(secret, key);
    return key;
  }

  function publicKey(curve: Curve, raw: Uint8Array): KeyObject {
    const x = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64url');
    const kept = publicKeys[curve];
    const known = kept.get(x);
    if (known) return known;
    const key = createPublicKey({ key: { kty: 'OKP', crv: curve, x }, format: 'jwk' });
    if (kept.size >= publicKeysKept) kept.delete(kept.keys().next().value!);
    kept.set(x, key);
    return key;
  }

  function rawPublicKey(key: KeyObject): Uint8Array {
    return new Uint8Array(Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url'));
  }

  return {
    name: 'node',
    ...createNodeMlKem(),
    sha256: async (data) => new Uint8Array(hash('sha256', data, 'buffer')),
    hkdf: async (secret, info, length) => new Uint8Array(hkdfSync('sha256', secret, zeroSalt, info, length)),
    x25519PublicKey: async (secret) => rawPublicKey(privateKey('X25519', secret)),
    x25519: async (secret, peer) => {
      const own = privateKey('X25519', secret);
      try {
        // OpenSSL fails on the all-zero result of a low-order key.
        return new Uint8Array(diffieHellman({ privateKey: own, publicKey: publicKey('X25519', peer) }));
      } catch {
        throw new SottoError('KEY_MISMATCH', 'the other X25519 key is of low order or malformed');
      }
    },
    ed25519PublicKey: async (seed) => rawPublicKey(privateKey('Ed25519', seed)),
    ed25519Sign: async (seed, message) => new Uint8Array(sign(null, message, privateKey('Ed25519', seed))),
    ed25519Verify: async (raw, message, signature) => {
      // OpenSSL takes keys of small order and in a second spelling.
      if (!isSoundEd25519Key(raw) || signature.length !== 64) return false;
      const name = Buffer.concat([raw, signature]).toString('latin1');
      const known = verified.get(name);
      if (known !== undefined && known.equals(message)) return true;
      try {
        if (!verify(null, message, publicKey('Ed25519', raw), signature)) return false;
      } catch {
        return false;
      }
      if (rememberSignatures && message.length <= verifiedMaxBytes) {
        if (verified.size >= verifiedKept) verified.delete(verified.keys().next().value!);
        verified.set(name, Buffer.from(message));
      }
      return true;
    },
    addMasks: async (target, masks, firstWord = 0) => {
      const release = await memoryReleaser();
      const streams = masks.map(({ key, sign }) => {
        const cipher = createCipheriv('aes-256-ctr', key, counterBlock(firstWord));
        return {
          sign,
          next: (bytes: number) => cipher.update(bytes === zeros.length ? zeros : zeros.subarray(0, bytes)),
        };
      });
      const words = new Int32Array(target.buffer, target.byteOffset, target.length);
      try {
        for (let start = 0; start < words.length; start += pieceWords) {
          addStreams(words.subarray(start, start + pieceWords), streams, release);
        }
      } finally {
        wipeKernel();
      }
    },
    keyStream: nodeKeyStream,
  };
}
