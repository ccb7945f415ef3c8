import * as nodeCrypto from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { concatBytes, fromHex } from '../vector/index.ts';
import { createNobleMlKem, malformedKey, mlKemSizes, requireCiphertext, requireSeed, type MlKem } from './ml-kem.ts';
import { createSodiumMlKem } from './node-sodium-ml-kem.ts';

/** What Node has from 24.7 on; the types of Node 20 do not know it. */
type NativeMlKem = {
  readonly encapsulate: (key: KeyObject) => { sharedKey: Uint8Array; ciphertext: Uint8Array };
  readonly decapsulate: (key: KeyObject, ciphertext: Uint8Array) => Uint8Array;
};

function hasMlKem(module: object): module is NativeMlKem {
  return ['encapsulate', 'decapsulate'].every((name) => name in module) && isKnown();
}

/** What stands before a seed in PKCS #8, and before a public key in SPKI. @see RFC 9935 §6 and §4 */
const privatePrefix = fromHex('3054020100300b060960864801650304040204428040');
const publicPrefix = fromHex('308204b2300b0609608648016503040402038204a100');

/**
 * On OpenSSL where this Node and its OpenSSL have ML-KEM, else on libsodium; on the noble library where a Node was started without
 * WebAssembly.
 */
export function createNodeMlKem(): MlKem {
  const native: object = nodeCrypto;
  if (!hasMlKem(native)) {
    return Reflect.get(globalThis, 'WebAssembly') === undefined ? createNobleMlKem() : createSodiumMlKem();
  }
  const privateKeys = new WeakMap<Uint8Array, KeyObject>();
  const privateKey = (seed: Uint8Array): KeyObject => {
    const key = privateKeys.get(seed) ?? importSeed(seed);
    privateKeys.set(seed, key);
    return key;
  };
  return {
    mlKemPublicKey: async (seed) => {
      const spki = nodeCrypto.createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' });
      return new Uint8Array(spki.subarray(publicPrefix.length));
    },
    mlKemEncapsulate: async (publicKey) => {
      const key = importPublic(publicKey);
      const { sharedKey, ciphertext } = native.encapsulate(key);
      return { secret: new Uint8Array(sharedKey), ciphertext: new Uint8Array(ciphertext) };
    },
    mlKemDecapsulate: async (seed, ciphertext) => {
      requireCiphertext(ciphertext);
      return new Uint8Array(native.decapsulate(privateKey(seed), ciphertext));
    },
  };
}

function importSeed(seed: Uint8Array): KeyObject {
  requireSeed(seed);
  const der = Buffer.from(concatBytes(privatePrefix, seed));
  return nodeCrypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** @throws {KEY_MISMATCH} */
function importPublic(publicKey: Uint8Array): KeyObject {
  // What follows a key of the right length would not be read.
  if (publicKey.length !== mlKemSizes.publicKey) throw malformedKey();
  try {
    const der = Buffer.from(concatBytes(publicPrefix, publicKey));
    return nodeCrypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw malformedKey();
  }
}

function isKnown(): boolean {
  try {
    importSeed(new Uint8Array(mlKemSizes.seed));
    return true;
  } catch {
    return false;
  }
}
