import {
  createCipheriv,
  createHash,
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
import type { CryptoPort } from './port.ts';

type Curve = 'X25519' | 'Ed25519';

// The DER prefix of a PKCS #8 private key of 32 raw bytes. @see RFC 8410 §7
const privatePrefix = {
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
} as const;

/** Public keys kept as parsed objects; enough for a full cohort's masking, sealing and identity keys. */
const publicKeysKept = 1_024;

/** Key stream made at a time: the piece that stays in the cache. */
const pieceBytes = 131_072;
const zeros = new Uint8Array(pieceBytes);
const zeroSalt = new Uint8Array(0);

/**
 * The port on node:crypto (OpenSSL). Parsed private keys are remembered only as long as the caller keeps the very array
 * that holds the secret, which must not be changed in between.
 */
export function createNodeCrypto(): CryptoPort {
  const privateKeys = { X25519: new WeakMap<Uint8Array, KeyObject>(), Ed25519: new WeakMap<Uint8Array, KeyObject>() };
  const publicKeys = { X25519: new Map<string, KeyObject>(), Ed25519: new Map<string, KeyObject>() };

  function privateKey(curve: Curve, secret: Uint8Array): KeyObject {
    const known = privateKeys[curve].get(secret);
    if (known) return known;
    if (secret.length !== 32) throw new SottoError('INVALID_INPUT', `expected a key of 32 bytes, got ${secret.length}`);
    const der = Buffer.concat([privatePrefix[curve], secret]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    der.fill(0);
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
    sha256: async (data) => new Uint8Array(createHash('sha256').update(data).digest()),
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
      if (raw.length !== 32 || signature.length !== 64) return false;
      try {
        return verify(null, message, publicKey('Ed25519', raw), signature);
      } catch {
        return false;
      }
    },
    addMask: async (target, key, sign_, firstWord = 0) => {
      const cipher = createCipheriv('aes-256-ctr', key, counterBlock(firstWord));
      for (let start = 0; start < target.length; start += pieceBytes / 4) {
        const part = target.subarray(start, start + pieceBytes / 4);
        const stream = cipher.update(part.length * 4 === pieceBytes ? zeros : zeros.subarray(0, part.length * 4));
        if (sign_ === 1) addWords(part, stream);
        else subtractWords(part, stream);
      }
    },
  };
}

// Node runs on little-endian machines alone, and every large buffer that a cipher returns is aligned to 8 bytes; a small
// one may lie anywhere in Node's pool and is copied first.
function wordsOf(stream: Buffer): Uint32Array {
  if (stream.byteOffset % 4 === 0) return new Uint32Array(stream.buffer, stream.byteOffset, stream.length / 4);
  const copy = new Uint8Array(stream);
  return new Uint32Array(copy.buffer);
}

function addWords(target: Uint32Array, stream: Buffer): void {
  const words = wordsOf(stream);
  for (let i = 0; i < target.length; i++) target[i]! += words[i]!;
}

function subtractWords(target: Uint32Array, stream: Buffer): void {
  const words = wordsOf(stream);
  for (let i = 0; i < target.length; i++) target[i]! -= words[i]!;
}
