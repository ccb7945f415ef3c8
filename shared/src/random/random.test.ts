import { describe, expect, it } from 'vitest';
import { createNodeRandom } from '../crypto/node.ts';
import { toHex } from '../vector/index.ts';
import { createSeededRandom, shuffle, uniformBelow } from './index.ts';

describe('a seeded stream', () => {
  it('is the same for the same seed, another for another, and says that it is not secure', () => {
    const [a, b, c] = ['one', 'one', 'two'].map((seed) => toHex(createSeededRandom(seed).bytes(37)));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
    expect(createSeededRandom('one').secure).toBe(false);
    expect(createNodeRandom().secure).toBe(true);
  });

  it('gives bytes that look uniform', () => {
    for (const random of [createSeededRandom('chi'), createNodeRandom()]) {
      const counts = new Float64Array(256);
      const words = new Uint32Array(65_536);
      random.words(words);
      for (const byte of new Uint8Array(words.buffer)) counts[byte]!++;
      const chi = counts.reduce((sum, count) => sum + (count - 1_024) ** 2 / 1_024, 0);
      // 255 degrees of freedom, standard deviation 22.6: six of them on either side.
      expect(chi).toBeGreaterThan(120);
      expect(chi).toBeLessThan(391);
    }
  });
});

describe('uniformBelow', () => {
  it('draws every value equally often, also where n is no power of two', () => {
    const random = createSeededRandom('below');
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 70_000; i++) counts[uniformBelow(random, 7)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(560);
    expect(uniformBelow(random, 1)).toBe(0);
    for (const bad of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => uniformBelow(random, bad)).toThrow(/integer/);
  });
});

describe('shuffle', () => {
  it('gives each order equally often and leaves its input alone', () => {
    const random = createSeededRandom('shuffle');
    const items = ['a', 'b', 'c'];
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const order = shuffle(random, items).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(250);
    expect(items).toEqual(['a', 'b', 'c']);
  });
});
