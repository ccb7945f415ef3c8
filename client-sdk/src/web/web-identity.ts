import type { CryptoPort } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { clientIdOf } from '@sotto/shared/protocol';
import type { RandomSource } from '@sotto/shared/random';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';
import type { StoredIdentity } from './web-store.ts';

/** A fresh key pair: the private half as it is stored, and the public one, hex. */
export type NewKey = Pick<StoredIdentity, 'key' | 'seed'> & { readonly identity: string };

/**
 * Makes an Ed25519 key that no script can read out, where the platform has such; else a seed, which lies in the browser's database
 * as readable as everything else there.
 */
export async function createIdentityKey(
  subtle: SubtleCrypto,
  crypto: CryptoPort,
  random: RandomSource,
): Promise<NewKey> {
  try {
    const pair = (await subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify'])) as CryptoKeyPair;
    const raw = new Uint8Array(await subtle.exportKey('raw', pair.publicKey));
    return { key: pair.privateKey, seed: null, identity: toHex(raw) };
  } catch {
    const seed = random.bytes(32);
    return { key: null, seed, identity: toHex(await crypto.ed25519PublicKey(seed)) };
  }
}

/** Signs with the stored key. */
export function sumIdentityOf(stored: StoredIdentity, subtle: SubtleCrypto, crypto: CryptoPort): SumIdentity {
  const { key, seed, certificate } = stored;
  const client = clientIdOf(certificate.identity);
  if (key !== null) {
    return {
      client,
      sign: async (message) =>
        new Uint8Array(await subtle.sign({ name: 'Ed25519' }, key, message as Uint8Array<ArrayBuffer>)),
    };
  }
  if (seed !== null) return { client, sign: (message) => crypto.ed25519Sign(seed, message) };
  throw new SottoError('STORE_FAILED', 'the stored identity has no key');
}
