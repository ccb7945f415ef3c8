import { ctr } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import nacl from 'tweetnacl';
import { SottoError } from '../errors/index.ts';
import { wordsFromLittleEndian } from '../vector/index.ts';
import { createNobleMlKem } from './ml-kem.ts';
import type { CryptoPort } from './port.ts';
import { counterBlock } from './counter-block.ts';
import { isSoundEd25519Key } from './ed25519-key.ts';
import { nobleKeyStream } from './noble-key-stream.ts';

const zeroSalt = new Uint8Array(0);

/**
 * The port on the noble libraries: plain JavaScript, runs everywhere, the oracle of the faster ones. Not in the folder's
 * index: its tables take a tenth of a second to build, in every process and thread that loads them.
 * Not constant time to the standard of native code; platforms with native primitives use those.
 */
export function createNobleCrypto(): CryptoPort {
  return {
    name: 'noble',
    ...createNobleMlKem(),
    sha256: async (data) => nobleSha256(data),
    hkdf: async (secret, info, length) => hkdf(nobleSha256, secret, zeroSalt, info, length),
    x25519PublicKey: async (secret) => x25519.getPublicKey(secret),
    x25519: async (secret, peer) => {
      try {
        return x25519.getSharedSecret(secret, peer);
      } catch {
        throw new SottoError('KEY_MISMATCH', 'the other X25519 key is of low order or malformed');
      }
    },
    ed25519PublicKey: async (seed) => ed25519.getPublicKey(seed),
    ed25519Sign: async (seed, message) => ed25519.sign(message, seed),
    ed25519Verify: async (publicKey, message, signature) => {
      try {
        // Every port must accept the same, or a signer chooses whose clients take its message. OpenSSL checks the equation
        // without the cofactor, as tweetnacl does and noble does not; noble refuses second spellings of S, as tweetnacl does not.
        return (
          isSoundEd25519Key(publicKey) &&
          ed25519.verify(signature, message, publicKey, { zip215: false }) &&
          nacl.sign.detached.verify(message, signature, publicKey)
        );
      } catch {
        return false;
      }
    },
    addMasks: async (target, masks, firstWord = 0) => {
      const zeros = new Uint8Array(target.length * 4);
      for (const { key, sign } of masks) {
        const words = wordsFromLittleEndian(ctr(key, counterBlock(firstWord)).encrypt(zeros));
        for (let i = 0; i < target.length; i++) target[i]! += sign * words[i]!;
      }
    },
    keyStream: nobleKeyStream,
  };
}
