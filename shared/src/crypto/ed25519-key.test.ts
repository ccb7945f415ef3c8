import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../vector/index.ts';
import { isSoundEd25519Key } from './ed25519-key.ts';
import { createNobleCrypto } from './noble-crypto.ts';
import { createNodeCrypto } from './node.ts';
import { createWebCrypto } from './web.ts';

/** Signatures at the edges of Ed25519, and what OpenSSL, noble and tweetnacl said of each (`testing/write-edge-vectors.ts`). */
type Case = {
  readonly name: string;
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
  readonly said: Readonly<Record<'openssl' | 'noble' | 'tweetnacl', boolean>>;
  readonly valid: boolean;
};
const cases = JSON.parse(readFileSync(new URL('./vectors/ed25519-edges.json', import.meta.url), 'utf8')) as Case[];

const ports = [
  createNodeCrypto({ rememberSignatures: false }),
  createNobleCrypto(),
  await createWebCrypto(crypto.subtle),
];

describe.each(ports)('the $name port', (port) => {
  it('A6: takes a signature that every library takes, and no other: S + L, other spellings, points of small order', async () => {
    for (const { name, publicKey, message, signature, valid } of cases) {
      const taken = await port.ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature));
      expect([name, taken]).toEqual([name, valid]);
    }
  });
});

it('the libraries by themselves disagree, each with each', () => {
  const pairs = [
    ['openssl', 'noble'],
    ['openssl', 'tweetnacl'],
    ['noble', 'tweetnacl'],
  ] as const;
  for (const [a, b] of pairs) expect(cases.some(({ said }) => said[a] !== said[b])).toBe(true);
  expect(cases.filter(({ valid }) => valid).length).toBeGreaterThan(10);
});

it('a key of small order, in any spelling, or with y of p and more is none', () => {
  const refused = new Set(cases.filter(({ said }) => said.openssl && !said.noble).map(({ publicKey }) => publicKey));
  expect(refused.size).toBeGreaterThan(5);
  for (const key of refused) expect(isSoundEd25519Key(fromHex(key)), key).toBe(false);
  for (const { publicKey } of cases.filter(({ valid }) => valid))
    expect(isSoundEd25519Key(fromHex(publicKey))).toBe(true);
  const largest = new Uint8Array(32).fill(255);
  largest[31] = 0x7f;
  expect(isSoundEd25519Key(largest)).toBe(false);
  // The largest y that is a coordinate and not p - 1: p - 2.
  largest[0] = 0xeb;
  expect(isSoundEd25519Key(largest)).toBe(true);
  expect(isSoundEd25519Key(new Uint8Array(31).fill(9))).toBe(false);
});
