import { shake128 } from '@noble/hashes/sha3.js';
import { describe, expect, it } from 'vitest';
import { isSottoError } from '../errors/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { toHex } from '../vector/index.ts';
import { mlKemSizes, sha256 } from './index.ts';
import { createNobleCrypto } from './noble-crypto.ts';
import { createNodeCrypto } from './node.ts';
import { createSodiumMlKem } from './node-sodium-ml-kem.ts';

// On Node 24 the first port is OpenSSL, on Node 20 libsodium: CI runs this folder on both.
const node = createNodeCrypto();
const sodium = { name: 'libsodium', ...createSodiumMlKem() };
const noble = createNobleCrypto();
const random = createSeededRandom('ml-kem');

/** Made with OpenSSL 3.5 and noble, which agree: SHA-256 of the public key of the seed 00 01 … 3f. */
const seed = Uint8Array.from({ length: 64 }, (_, i) => i);
const publicKeyHash = '0b7934c83125c788995e2ba6bd761e33046b3e40571be53e023309a29f398cc9';

/**
 * What implementers of FIPS 203 compare: SHAKE128 over public key, ciphertext and secret of so many pairs, and over the secret
 * that each gives for a ciphertext that nobody made. Seeds, messages and those ciphertexts are the stream of SHAKE128 of nothing.
 * @see C2SP/CCTV, ML-KEM, "Accumulated pq-crystals vectors"
 */
const accumulated: ReadonlyMap<number, string> = new Map([
  [100, '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415'],
  [10_000, '8a518cc63da366322a8e7a818c7a0d63483cb3528d34a4cf42f35d5ad73f22fc'],
]);
const pairs = process.env['SOTTO_LONG'] === '1' ? 10_000 : 100;

describe.each([node, sodium, noble])('ML-KEM-768 of the $name port', (port) => {
  it(`FIPS 203: agrees with the reference on ${pairs} pairs and ciphertexts that nobody made`, async () => {
    const stream = shake128.create({});
    const result = shake128.create({});
    for (let pair = 0; pair < pairs; pair++) {
      const own = stream.xof(mlKemSizes.seed);
      const publicKey = await port.mlKemPublicKey(own);
      // OpenSSL draws coins of its own.
      const by = port === node ? noble : port;
      const { secret, ciphertext } = await by.mlKemEncapsulate(publicKey, stream.xof(mlKemSizes.coins));
      expect(await port.mlKemDecapsulate(own, ciphertext)).toEqual(secret);
      const rejected = await port.mlKemDecapsulate(own, stream.xof(mlKemSizes.ciphertext));
      for (const part of [publicKey, ciphertext, secret, rejected]) result.update(part);
    }
    expect(toHex(result.xof(32))).toBe(accumulated.get(pairs));
  }, 600_000);

  it('gives both ends one secret, and each of two owners another', async () => {
    for (let round = 0; round < 5; round++) {
      const [mine, other] = [random.bytes(64), random.bytes(64)];
      const publicKey = await port.mlKemPublicKey(mine);
      expect(publicKey).toHaveLength(mlKemSizes.publicKey);
      const { secret, ciphertext } = await port.mlKemEncapsulate(publicKey, random.bytes(32));
      expect(ciphertext).toHaveLength(mlKemSizes.ciphertext);
      expect(secret).toHaveLength(32);
      expect(await port.mlKemDecapsulate(mine, ciphertext)).toEqual(secret);
      // A seed that the port has not met before, in new memory.
      expect(await port.mlKemDecapsulate(mine.slice(), ciphertext)).toEqual(secret);
      expect(await port.mlKemDecapsulate(other, ciphertext)).not.toEqual(secret);
    }
  });

  it('derives the committed key from the committed seed', async () => {
    expect(toHex(sha256(await port.mlKemPublicKey(seed)))).toBe(publicKeyHash);
  });

  it('tells nobody that a ciphertext was altered, and agrees on nothing', async () => {
    const mine = random.bytes(64);
    const { secret, ciphertext } = await port.mlKemEncapsulate(await port.mlKemPublicKey(mine), random.bytes(32));
    for (const at of [0, 500, 1_087]) {
      const altered = ciphertext.slice();
      altered[at]! ^= 1;
      const rejected = await port.mlKemDecapsulate(mine, altered);
      expect(rejected).toHaveLength(32);
      expect(rejected).not.toEqual(secret);
      // Implicit rejection (FIPS 203 §6.3): the same for the same ciphertext.
      expect(await port.mlKemDecapsulate(mine, altered)).toEqual(rejected);
    }
    await expect(port.mlKemDecapsulate(mine, ciphertext.slice(1))).rejects.toThrow(/1088 bytes, got 1087/);
  });

  it('refuses keys whose numbers are not below the modulus, and keys of another length', async () => {
    for (const key of [new Uint8Array(1_184).fill(255), new Uint8Array(1_183), new Uint8Array(0)]) {
      await expect(port.mlKemEncapsulate(key, random.bytes(32))).rejects.toSatisfy((error) =>
        isSottoError(error, 'KEY_MISMATCH'),
      );
    }
  });
});

it('one port opens what the other sealed', async () => {
  for (const [one, other] of [
    [node, noble],
    [noble, node],
    [sodium, noble],
    [noble, sodium],
  ] as const) {
    const mine = random.bytes(64);
    expect(await one.mlKemPublicKey(mine)).toEqual(await other.mlKemPublicKey(mine));
    const { secret, ciphertext } = await one.mlKemEncapsulate(await one.mlKemPublicKey(mine), random.bytes(32));
    expect(await other.mlKemDecapsulate(mine, ciphertext)).toEqual(secret);
    const altered = ciphertext.slice();
    altered[7]! ^= 4;
    expect(await other.mlKemDecapsulate(mine, altered)).toEqual(await one.mlKemDecapsulate(mine, altered));
  }
});
