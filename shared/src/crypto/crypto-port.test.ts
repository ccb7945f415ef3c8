import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSottoError } from '../errors/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { bytesEqual, fromHex, toHex, utf8, wordsToLittleEndian } from '../vector/index.ts';
import { open, seal, sha256, signedBytes, withFields, type CryptoPort } from './index.ts';
import { createNobleCrypto } from './noble-crypto.ts';
import { createNodeCrypto, createNodeRandom } from './node.ts';
import { createWebCrypto } from './web.ts';

const ports = [createNodeCrypto(), createNobleCrypto(), await createWebCrypto(crypto.subtle)] as const;
const [node, noble, web] = ports;
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

async function keyStream(port: CryptoPort, key: Uint8Array, words: number, firstWord?: number): Promise<Uint8Array> {
  const target = new Uint32Array(words);
  await port.addMasks(target, [{ key, sign: 1 }], firstWord);
  return wordsToLittleEndian(target);
}

// The all-zero results of RFC 7748 §7: points of order 1, 2, 4, 8 and their forms that are not reduced.
const lowOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

describe.each(ports)('the $name port', (port) => {
  it('agrees with the X25519 vectors of RFC 7748 §5.2 and §6.1', async () => {
    const scalar = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
    const u = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
    expect(toHex(await port.x25519(scalar, u))).toBe(
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    );
    const bob = fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
    expect(toHex(await port.x25519PublicKey(bob))).toBe(
      'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    );
    const alice = fromHex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(toHex(await port.x25519(bob, alice))).toBe(
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    );
  });

  it('agrees with test 1 of RFC 8032 §7.1 and refuses altered signatures', async () => {
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const key = await port.ed25519PublicKey(seed);
    expect(toHex(key)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const signature = await port.ed25519Sign(seed, new Uint8Array(0));
    expect(toHex(signature)).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
    for (let round = 0; round < 2; round++) {
      expect(await port.ed25519Verify(key, new Uint8Array(0), signature)).toBe(true);
      expect(await port.ed25519Verify(key, utf8('x'), signature)).toBe(false);
    }
    const altered = signature.slice();
    altered[3]! ^= 1;
    expect(await port.ed25519Verify(key, new Uint8Array(0), altered)).toBe(false);
    expect(await port.ed25519Verify(key.slice(1), new Uint8Array(0), signature)).toBe(false);
    expect(await port.ed25519Verify(key, new Uint8Array(0), signature.slice(1))).toBe(false);
  });

  it('agrees with test case 3 of RFC 5869 (no salt) and with SHA-256 of "abc"', async () => {
    expect(toHex(await port.hkdf(new Uint8Array(22).fill(0x0b), new Uint8Array(0), 42))).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    );
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(toHex(await port.sha256(utf8('abc')))).toBe(abc);
    expect(toHex(sha256(utf8('abc')))).toBe(abc);
  });

  it("masks with NIST's AES-256 counter blocks 0, 1 and 2 of the zero key", async () => {
    // The GCM specification, test cases 13 (hash key and tag) and 14 (first ciphertext block of zeros).
    const stream = await keyStream(port, new Uint8Array(32), 12);
    expect(toHex(stream)).toBe(
      'dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738bcea7403d4d606b6e074ec5d3baf39d18',
    );
    expect(await keyStream(port, new Uint8Array(32), 4, 8)).toEqual(stream.slice(32));
  });

  it.each(lowOrder)('A11: refuses the low-order key %s', async (key) => {
    await expect(port.x25519(new Uint8Array(32).fill(9), fromHex(key))).rejects.toSatisfy((error) =>
      isSottoError(error, 'KEY_MISMATCH'),
    );
  });

  it('A18: gives another mask for each of the 256 bits of the key', async () => {
    const streams = new Set<string>();
    for (let bit = -1; bit < 256; bit++) {
      const key = new Uint8Array(32).fill(0x5a);
      if (bit >= 0) key[bit >> 3]! ^= 1 << (bit & 7);
      streams.add(toHex(await keyStream(port, key, 4)));
    }
    expect(streams.size).toBe(257);
  });

  it('takes away what it added, and refuses to begin within a block', async () => {
    const random = createSeededRandom('mask');
    const before = new Uint32Array(70_001);
    random.words(before);
    const words = before.slice();
    await port.addMasks(words, [{ key: random.bytes(32), sign: 1 }]);
    expect(words).not.toEqual(before);
    const key = random.bytes(32);
    const masked = before.slice();
    await port.addMasks(masked, [{ key, sign: 1 }]);
    await port.addMasks(masked, [{ key, sign: -1 }]);
    expect(masked).toEqual(before);
    await expect(port.addMasks(masked, [{ key, sign: 1 }], 3)).rejects.toThrow(/multiple of 4/);
  });

  it('draws from a key the words of its mask, however many at a time, and says what drew the key', async () => {
    const random = createNodeRandom();
    const key = random.bytes(32);
    const length = 20_003;
    const expected = new Uint32Array(length);
    await port.addMasks(expected, [{ key, sign: 1 }]);
    const whole = new Uint32Array(length);
    const stream = port.keyStream(key, random);
    stream.words(whole);
    expect(whole).toEqual(expected);
    expect(stream.secure).toBe(true);
    const pieces = port.keyStream(key, createSeededRandom('a key'));
    expect(pieces.secure).toBe(false);
    const drawn: number[] = [];
    for (const size of [1, 2, 4_093, 0, 9_000, 3, 6_901]) {
      const words = new Uint32Array(size);
      pieces.words(words);
      drawn.push(...words);
    }
    expect(drawn).toEqual([...expected.subarray(0, 20_000)]);
    expect(pieces.bytes(11)).toEqual(wordsToLittleEndian(expected).slice(80_000, 80_011));
  });
});

describe('node, noble and web', () => {
  it('agree on random inputs', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(32), bytes(32), fc.uint8Array({ maxLength: 300 }), async (a, b, message) => {
        const [publicA, publicB] = [await node.x25519PublicKey(a), await node.x25519PublicKey(b)];
        expect(await noble.x25519PublicKey(a)).toEqual(publicA);
        expect(await noble.x25519(b, publicA)).toEqual(await node.x25519(a, publicB));
        expect(await noble.hkdf(a, message, 48)).toEqual(await node.hkdf(a, message, 48));
        expect(await noble.sha256(message)).toEqual(await node.sha256(message));
        expect(await noble.ed25519PublicKey(a)).toEqual(await node.ed25519PublicKey(a));
        const signature = await node.ed25519Sign(a, message);
        expect(await noble.ed25519Sign(a, message)).toEqual(signature);
        expect(await noble.ed25519Verify(await node.ed25519PublicKey(a), message, signature)).toBe(true);
        expect(await web.x25519(b, publicA)).toEqual(await node.x25519(a, publicB));
        expect(await web.hkdf(a, message, 48)).toEqual(await node.hkdf(a, message, 48));
        expect(await web.ed25519Sign(a, message)).toEqual(signature);
      }),
      { numRuns: 20 },
    );
  });

  it('give the same key stream over piece boundaries, from any block, at any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes(32),
        fc.nat(70_000),
        fc.nat(100_000),
        fc.constantFrom(1, -1),
        async (key, words, block, sign) => {
          const [a, b] = [new Uint32Array(words), new Uint32Array(words)];
          await node.addMasks(a, [{ key, sign: sign as 1 | -1 }], 4 * block);
          await noble.addMasks(b, [{ key, sign: sign as 1 | -1 }], 4 * block);
          expect(bytesEqual(wordsToLittleEndian(a), wordsToLittleEndian(b))).toBe(true);
          await web.addMasks(a, [{ key, sign: sign === 1 ? -1 : 1 }], 4 * block);
          expect(a.every((word) => word === 0)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('raise no warning of the platform', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const port = createNodeCrypto();
    const seed = createNodeRandom().bytes(32);
    await port.x25519(seed, await port.x25519PublicKey(createNodeRandom().bytes(32)));
    await port.ed25519Verify(await port.ed25519PublicKey(seed), seed, await port.ed25519Sign(seed, seed));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });
});

describe('a seal', () => {
  it('opens under its own key alone and not when a bit was changed', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (key, plaintext, at) => {
        const box = seal(key, plaintext);
        expect(open(key, box)).toEqual(plaintext);
        const altered = box.slice();
        altered[at % box.length]! ^= 1 << (at & 7);
        expect(open(key, altered)).toBeNull();
        const other = key.slice();
        other[at % 32]! ^= 1;
        expect(open(other, box)).toBeNull();
      }),
    );
  });
});

describe('signedBytes', () => {
  it('begins with protocol, version and domain, and says type and length of each field', () => {
    expect(toHex(signedBytes('a', 'é', 1, Uint8Array.of(7)))).toBe(
      toHex(utf8('sotto/1/a\0')) + '0100000002c3a9' + '02000000080000000000000001' + '030000000107',
    );
  });

  it('A17: gives different bytes for different fields, however they are cut', () => {
    const field = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.nat(300), fc.uint8Array({ maxLength: 6 }));
    const input = fc.tuple(fc.constantFrom('a', 'ab'), fc.array(field, { maxLength: 4 }));
    const text = ([domain, fields]: [string, (string | number | Uint8Array)[]]) =>
      JSON.stringify([
        domain,
        fields.map((f) => (f instanceof Uint8Array ? [...f] : typeof f === 'number' ? f : utf8(f).join())),
      ]);
    fc.assert(
      fc.property(input, input, (one, two) => {
        const equal = bytesEqual(signedBytes(one[0], ...one[1]), signedBytes(two[0], ...two[1]));
        expect(equal).toBe(text(one) === text(two));
      }),
      { numRuns: 2_000 },
    );
    expect(signedBytes('d', 'ab', 'c')).not.toEqual(signedBytes('d', 'a', 'bc'));
    expect(withFields(signedBytes('d', 'a', 1), 'é', 2)).toEqual(signedBytes('d', 'a', 1, 'é', 2));
    expect(() => signedBytes('d', 1.5)).toThrow(/integer/);
    expect(() => signedBytes('d\0e')).toThrow(/zero/);
  });
});
