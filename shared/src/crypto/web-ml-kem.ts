import { createNobleMlKem, malformedKey, mlKemSizes, requireCiphertext, requireSeed, type MlKem } from './ml-kem.ts';

/** On the platform's WebCrypto where it has ML-KEM, by noble's wrapper of it; else on the noble library. */
export async function createWebMlKem(): Promise<MlKem> {
  const { ml_kem768: native } = await import('@noble/post-quantum/webcrypto.js');
  if (!(await native.isSupported())) return createNobleMlKem();
  return {
    mlKemPublicKey: async (seed) => {
      requireSeed(seed);
      return native.getPublicKey(seed);
    },
    mlKemEncapsulate: async (publicKey) => {
      if (publicKey.length !== mlKemSizes.publicKey) throw malformedKey();
      try {
        const { sharedSecret, cipherText } = await native.encapsulate(publicKey);
        return { secret: sharedSecret, ciphertext: cipherText };
      } catch {
        throw malformedKey();
      }
    },
    mlKemDecapsulate: async (seed, ciphertext) => {
      requireSeed(seed);
      requireCiphertext(ciphertext);
      return native.decapsulate(ciphertext, seed);
    },
  };
}
