import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createSeededRandom } from '../random/index.ts';
import { createSodiumMlKem } from './node-sodium-ml-kem.ts';

// What is used of it; the types of Node have no WebAssembly.
declare const WebAssembly: {
  readonly instantiate: (...given: readonly unknown[]) => Promise<{ readonly instance: { readonly exports: object } }>;
  readonly Memory: new () => { readonly buffer: ArrayBuffer };
};

const random = createSeededRandom('node-sodium-ml-kem');

describe('ML-KEM on libsodium', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('leaves nothing secret in the memory of the WebAssembly', async () => {
    const instantiate = vi.spyOn(WebAssembly, 'instantiate');
    const kem = createSodiumMlKem();
    const [seed, coins] = [random.bytes(64), random.bytes(32)];
    const publicKey = await kem.mlKemPublicKey(seed);
    const { instance } = await instantiate.mock.results[0]!.value;
    const memory = Object.values(instance.exports).find((item) => item instanceof WebAssembly.Memory)!;
    const holds = (bytes: Uint8Array): boolean => Buffer.from(memory.buffer).includes(Buffer.from(bytes));
    // In place of the key's secret numbers themselves, their encoding.
    const secretKey = ml_kem768.keygen(seed).secretKey.subarray(0, 1_152);
    const ownSecrets = [seed.subarray(0, 32), seed.subarray(32), secretKey.subarray(0, 32), secretKey.subarray(-32)];
    expect(ownSecrets.some(holds)).toBe(false);
    const { secret, ciphertext } = await kem.mlKemEncapsulate(publicKey, coins);
    expect([coins, secret].some(holds)).toBe(false);
    expect(await kem.mlKemDecapsulate(seed, ciphertext)).toEqual(secret);
    expect([...ownSecrets, coins, secret].some(holds)).toBe(false);
    await kem.mlKemDecapsulate(seed, random.bytes(1_088));
    expect(ownSecrets.some(holds)).toBe(false);
  });

  it('is not asked for where there is no WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    vi.resetModules();
    const { createNodeMlKem } = await import('./node-ml-kem.ts');
    const seed = random.bytes(64);
    expect(await createNodeMlKem().mlKemPublicKey(seed)).toEqual(ml_kem768.keygen(seed).publicKey);
  });

  it('does not fill up coins that are too short', async () => {
    const kem = createSodiumMlKem();
    const publicKey = await kem.mlKemPublicKey(random.bytes(64));
    await expect(kem.mlKemEncapsulate(publicKey, random.bytes(31))).rejects.toThrow(/32 random bytes, got 31/);
  });

  it('gives out copies: who changes a public key changes no later one', async () => {
    const kem = createSodiumMlKem();
    const seed = random.bytes(64);
    const first = await kem.mlKemPublicKey(seed);
    const kept = first.slice();
    first.fill(0);
    expect(await kem.mlKemPublicKey(seed)).toEqual(kept);
  });
});
