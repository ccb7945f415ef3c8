import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNobleCrypto } from '../crypto/noble-crypto.ts';
import { createNodeCrypto } from '../crypto/node.ts';
import { fromHex, toHex } from '../vector/index.ts';
import { layerKeys, walkChain } from './noise-chain.ts';
import { recordNoise, type NoiseVectors } from './testing/record-noise.ts';

const vectors = JSON.parse(readFileSync(new URL('./vectors/v1/noise.json', import.meta.url), 'utf8')) as NoiseVectors;

describe.each([createNodeCrypto(), createNobleCrypto()])('the noise chain, by $name', (crypto) => {
  const { binding, client, chain, layers } = vectors;

  it('has the keys, levels, variances and draws that are written down', async () => {
    expect(await recordNoise(crypto)).toEqual(vectors);
  });

  it('leads from each key on to the layers after it and the end, the same from wherever it is begun', async () => {
    for (const [index, key] of chain.entries()) {
      const place = index + 1;
      const from = fromHex(key);
      const reached = await layerKeys(crypto, binding, client, from, place, layers.length);
      expect(reached.map(toHex)).toEqual(layers.slice(index).map((layer) => layer.key));
      expect(toHex(await walkChain(crypto, binding, client, from, place, chain.length))).toBe(chain.at(-1));
    }
  });

  it('is another for another client, session, roster or suite, and no key of it is there twice', async () => {
    const first = fromHex(chain[0]!);
    const others = [
      walkChain(crypto, binding, '34'.repeat(20), first, 1, 2),
      walkChain(crypto, { ...binding, sessionId: '12'.repeat(32) }, client, first, 1, 2),
      walkChain(crypto, { ...binding, rosterHash: '23'.repeat(32) }, client, first, 1, 2),
      walkChain(crypto, { ...binding, suite: 'x25519+mlkem768' }, client, first, 1, 2),
      walkChain(crypto, binding, client, first, 2, 3),
    ];
    const keys = [...chain, ...layers.map(({ key }) => key), ...(await Promise.all(others)).map(toHex)];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
