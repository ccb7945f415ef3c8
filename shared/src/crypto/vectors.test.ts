import { createCipheriv } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ctr, ecb } from '@noble/ciphers/aes.js';
import { chacha20 } from '@noble/ciphers/chacha.js';
import { describe, expect, it } from 'vitest';
import { isSottoError } from '../errors/index.ts';
import { concatBytes, fromHex, toHex, utf8, wordsToLittleEndian } from '../vector/index.ts';
import type { CryptoPort } from './index.ts';
import { createNobleCrypto } from './noble-crypto.ts';
import { createNodeCrypto } from './node.ts';
import { createWebCrypto } from './web.ts';

/**
 * Every port against the vectors of the standards, against edge cases that three libraries were asked about
 * (`testing/write-edge-vectors.ts`), and against Project Wycheproof's where its files are at hand.
 */
const ports = [
  createNodeCrypto({ rememberSignatures: false }),
  createNobleCrypto(),
  await createWebCrypto(crypto.subtle),
];
const read = <T>(name: string) =>
  JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), 'utf8')) as T;

type Agreement = { readonly secret: string; readonly publicKey: string; readonly shared: string | null };
type Signed = { readonly publicKey: string; readonly message: string; readonly signature: string };
const standards = read<{
  x25519: { cases: Agreement[]; iterated: Record<string, string> };
  ed25519: { cases: (Signed & { seed: string })[] };
  aes256: { key: string; plaintext: string; ecb: string; counter: string; ctr: string };
  chacha20: {
    blocks: { key: string; nonce: string; counter: number; block: string }[];
    stream: { key: string; nonce: string; counter: number; plaintext: string; ciphertext: string };
  };
}>('standards');

/** The agreed secret; null where the port refuses the key. */
async function agreed(port: CryptoPort, { secret, publicKey }: Agreement): Promise<string | null> {
  try {
    return toHex(await port.x25519(fromHex(secret), fromHex(publicKey)));
  } catch (error) {
    if (!isSottoError(error, 'KEY_MISMATCH')) throw error;
    return null;
  }
}

function isValid(port: CryptoPort, { publicKey, message, signature }: Signed): Promise<boolean> {
  return port.ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature));
}

describe.each(ports)('the $name port agrees with', (port) => {
  it('RFC 7748 §5.2, its thousand iterations included', async () => {
    for (const vector of standards.x25519.cases) expect(await agreed(port, vector)).toBe(vector.shared);
    let k: Uint8Array = new Uint8Array(32);
    k[0] = 9;
    let u: Uint8Array = k.slice();
    for (let round = 1; round <= 1_000; round++) {
      [k, u] = [await port.x25519(k, u), k];
      const expected = standards.x25519.iterated[String(round)];
      if (expected !== undefined) expect(toHex(k)).toBe(expected);
    }
  });

  it('RFC 8032 §7.1', async () => {
    for (const vector of standards.ed25519.cases) {
      expect(toHex(await port.ed25519PublicKey(fromHex(vector.seed)))).toBe(vector.publicKey);
      expect(toHex(await port.ed25519Sign(fromHex(vector.seed), fromHex(vector.message)))).toBe(vector.signature);
      expect(await isValid(port, vector)).toBe(true);
    }
  });

  it('A11: three libraries on every edge case of X25519: low order, not reduced, twist, edges of the field', async () => {
    const cases = read<(Agreement & { name: string })[]>('x25519-edges');
    for (const vector of cases) expect([vector.name, await agreed(port, vector)]).toEqual([vector.name, vector.shared]);
    expect(cases.filter(({ shared }) => shared === null).length).toBeGreaterThan(10);
  });

  it('AES-256 of the numbers 0, 1, 2 … as its key stream, far out as well', async () => {
    // ECB stands beside NIST's vectors below: another way to the same blocks.
    const key = fromHex(standards.aes256.key);
    for (const first of [0, 1, 255, 2 ** 16 - 1, 2 ** 32 - 2, 2 ** 40]) {
      const words = new Uint32Array(16);
      await port.addMasks(words, [{ key, sign: 1 }], 4 * first);
      const numbers = new Uint8Array(64);
      for (let i = 0; i < 4; i++) new DataView(numbers.buffer).setBigUint64(16 * i + 8, BigInt(first + i));
      const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
      expect(toHex(wordsToLittleEndian(words))).toBe(toHex(new Uint8Array(cipher.update(numbers))));
    }
  });
});

describe('the ciphers that the ports are built on agree with', () => {
  const { key, plaintext, counter } = standards.aes256;

  it('NIST SP 800-38A, F.1.5 and F.5.5', () => {
    const [secret, plain] = [fromHex(key), fromHex(plaintext)];
    const openssl = (mode: string, iv: Uint8Array | null) =>
      toHex(new Uint8Array(createCipheriv(mode, secret, iv).setAutoPadding(false).update(plain)));
    expect(openssl('aes-256-ecb', null)).toBe(standards.aes256.ecb);
    expect(openssl('aes-256-ctr', fromHex(counter))).toBe(standards.aes256.ctr);
    expect(toHex(ecb(secret, { disablePadding: true }).encrypt(plain))).toBe(standards.aes256.ecb);
    expect(toHex(ctr(secret, fromHex(counter)).encrypt(plain))).toBe(standards.aes256.ctr);
  });

  it('RFC 8439: blocks and stream of ChaCha20, on both libraries', () => {
    const { blocks, stream } = standards.chacha20;
    const both = (secret: string, nonce: string, first: number, plain: Uint8Array) => {
      const start = new Uint8Array(4);
      new DataView(start.buffer).setUint32(0, first, true);
      const iv = concatBytes(start, fromHex(nonce));
      return [
        toHex(new Uint8Array(createCipheriv('chacha20', fromHex(secret), iv).update(plain))),
        toHex(chacha20(fromHex(secret), fromHex(nonce), plain, undefined, first)),
      ];
    };
    for (const { key: secret, nonce, counter: first, block } of blocks) {
      expect(both(secret, nonce, first, new Uint8Array(64))).toEqual([block, block]);
    }
    const { ciphertext } = stream;
    expect(both(stream.key, stream.nonce, stream.counter, utf8(stream.plaintext))).toEqual([ciphertext, ciphertext]);
  });
});

type WycheproofTest = { readonly tcId: number; readonly result: string; readonly flags: readonly string[] };
type Wycheproof<Group> = { readonly numberOfTests: number; readonly testGroups: readonly Group[] };
const shared = process.env['SOTTO_SHARED'];
const folder = shared === undefined ? null : join(shared, 'wycheproof');
const found = folder !== null && existsSync(join(folder, 'x25519_test.json'));

/** Not shipped: they are read from where SOTTO_SHARED says, if it has them; the edges above are our own. */
function wycheproof(): void {
  const file = <Group>(name: string) =>
    JSON.parse(readFileSync(join(folder ?? '', `${name}_test.json`), 'utf8')) as Wycheproof<Group>;

  it.each(ports)('A11: X25519 on the $name port: right, or refused where the secret is all zeros', async (port) => {
    type Test = WycheproofTest & { private: string; public: string; shared: string };
    const { numberOfTests, testGroups } = file<{ tests: Test[] }>('x25519');
    let seen = 0;
    for (const test of testGroups.flatMap(({ tests }) => tests)) {
      const refused = test.flags.includes('ZeroSharedSecret');
      const secret = await agreed(port, { secret: test.private, publicKey: test.public, shared: null });
      expect([test.tcId, secret]).toEqual([test.tcId, refused ? null : test.shared]);
      seen++;
    }
    expect(seen).toBe(numberOfTests);
  });

  it.each(ports)('A6: Ed25519 on the $name port: valid or not, as they say', async (port) => {
    type Group = { publicKey: { pk: string }; tests: (WycheproofTest & { msg: string; sig: string })[] };
    const { numberOfTests, testGroups } = file<Group>('ed25519');
    let seen = 0;
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        const valid = await isValid(port, { publicKey: publicKey.pk, message: msg, signature: sig });
        expect([tcId, valid]).toEqual([tcId, result === 'valid']);
        seen++;
      }
    }
    expect(seen).toBe(numberOfTests);
  });
}

if (found) describe('Project Wycheproof', wycheproof);
