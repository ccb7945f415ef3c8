import { mlKemSizes, sha256, signedBytes, type CryptoPort } from '../../crypto/index.ts';
import { SottoError } from '../../errors/index.ts';
import { bytesEqual, concatBytes, toHex } from '../../vector/index.ts';

/**
 * Perfect cryptography for the model check, as names: a public key, an agreed secret and a signature are hashes of what they
 * belong to, so that they are equal exactly when they should be, at the price of a hash. It keeps no secret from whoever
 * computes; what the attacker knows is kept track of by rules (`knowledge.ts`), not by trying. Masks add nothing.
 */
export function createSymbolicCrypto(): CryptoPort {
  const named = (what: string, ...parts: readonly Uint8Array[]) => sha256(signedBytes(`symbolic/${what}`, ...parts));
  const publicOf = (secret: Uint8Array) => named('x25519', secret);
  const identityOf = (seed: Uint8Array) => named('ed25519', seed);
  const signatureOf = (identity: Uint8Array, message: Uint8Array) => {
    const half = named('signature', identity, message);
    return concatBytes(half, named('second half', half));
  };
  const padded = (bytes: Uint8Array, length: number) => concatBytes(bytes, new Uint8Array(length - bytes.length));
  return {
    name: 'symbolic',
    sha256: async (data) => sha256(data),
    hkdf: async (secret, info, length) => named('derived', secret, info).slice(0, length),
    x25519PublicKey: async (secret) => publicOf(secret),
    x25519: async (secret, peer) => {
      if (peer.every((byte) => byte === 0)) throw new SottoError('KEY_MISMATCH', 'low order');
      const own = publicOf(secret);
      return toHex(own) < toHex(peer) ? named('agreed', own, peer) : named('agreed', peer, own);
    },
    ed25519PublicKey: async (seed) => identityOf(seed),
    ed25519Sign: async (seed, message) => signatureOf(identityOf(seed), message),
    ed25519Verify: async (publicKey, message, signature) => bytesEqual(signatureOf(publicKey, message), signature),
    mlKemPublicKey: async (seed) => padded(named('ml-kem', seed), mlKemSizes.publicKey),
    mlKemEncapsulate: async (publicKey, coins) => ({
      secret: named('encapsulated', publicKey, coins),
      ciphertext: padded(coins, mlKemSizes.ciphertext),
    }),
    mlKemDecapsulate: async (seed, ciphertext) =>
      named('encapsulated', padded(named('ml-kem', seed), mlKemSizes.publicKey), ciphertext.slice(0, mlKemSizes.coins)),
    addMasks: async () => undefined,
    keyStream: () => {
      throw new SottoError('UNSUPPORTED', 'the model check draws no noise');
    },
  };
}
