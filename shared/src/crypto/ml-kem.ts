import type { KEMPrepared } from '@noble/post-quantum/ml-kem.js';
import { SottoError } from '../errors/index.ts';

/** Lengths in bytes of ML-KEM-768. @see FIPS 203 §8, Table 3 */
export const mlKemSizes = { seed: 64, publicKey: 1_184, ciphertext: 1_088, coins: 32 } as const;

/** ML-KEM-768, a key encapsulation that no known quantum algorithm breaks. @see FIPS 203 */
export type MlKem = {
  /** The encapsulation key of the pair that follows from a seed of 64 bytes (d ‖ z). */
  mlKemPublicKey(seed: Uint8Array): Promise<Uint8Array>;
  /**
   * A fresh secret of 32 bytes, and the ciphertext from which the key's owner gets it too.
   *
   * @param coins - 32 fresh random bytes; a platform that draws its own does not read them
   * @throws {KEY_MISMATCH} for a key that is malformed
   */
  mlKemEncapsulate(publicKey: Uint8Array, coins: Uint8Array): Promise<{ secret: Uint8Array; ciphertext: Uint8Array }>;
  /**
   * The secret of a ciphertext; of one that was altered or made for another key, a secret that nobody else has.
   * @throws {INVALID_INPUT} for a ciphertext of another length
   */
  mlKemDecapsulate(seed: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>;
};

/** On the noble library, which is loaded when it is first used. Not constant time to the standard of native code. */
export function createNobleMlKem(): MlKem {
  type Own = { readonly secretKey: Uint8Array; readonly prepared: KEMPrepared };
  const ownKeys = new WeakMap<Uint8Array, Own>();
  const importKem = async () => (await import('@noble/post-quantum/ml-kem.js')).ml_kem768;
  let loading: ReturnType<typeof importKem> | null = null;
  // Asked for once: an import costs as much as an encapsulation, also of a module that is there.
  const load = () => (loading ??= importKem());
  // The public matrix is expanded once for an own key: a client opens a ciphertext of every other one with it.
  const ownKey = async (seed: Uint8Array): Promise<Own> => {
    requireSeed(seed);
    const kem = await load();
    const known = ownKeys.get(seed);
    if (known !== undefined) return known;
    const { publicKey, secretKey } = kem.keygen(seed);
    const own = { secretKey, prepared: kem.prepare(publicKey) };
    ownKeys.set(seed, own);
    return own;
  };
  return {
    mlKemPublicKey: async (seed) => (await ownKey(seed)).prepared.publicKey.slice(),
    mlKemEncapsulate: async (publicKey, coins) => {
      const kem = await load();
      try {
        const { sharedSecret, cipherText } = kem.encapsulate(publicKey, coins);
        return { secret: sharedSecret, ciphertext: cipherText };
      } catch {
        throw malformedKey();
      }
    },
    mlKemDecapsulate: async (seed, ciphertext) => {
      requireSeed(seed);
      requireCiphertext(ciphertext);
      const { secretKey, prepared } = await ownKey(seed);
      return prepared.decapsulate(ciphertext, secretKey);
    },
  };
}

export function malformedKey(): SottoError {
  return new SottoError('KEY_MISMATCH', 'the other ML-KEM key is malformed');
}

/** @throws {INVALID_INPUT} */
export function requireSeed(seed: Uint8Array): void {
  if (seed.length !== mlKemSizes.seed) {
    throw new SottoError('INVALID_INPUT', `expected a seed of ${mlKemSizes.seed} bytes, got ${seed.length}`);
  }
}

/** @throws {INVALID_INPUT} */
export function requireCiphertext(ciphertext: Uint8Array): void {
  if (ciphertext.length !== mlKemSizes.ciphertext) {
    throw new SottoError(
      'INVALID_INPUT',
      `expected a ciphertext of ${mlKemSizes.ciphertext} bytes, got ${ciphertext.length}`,
    );
  }
}
