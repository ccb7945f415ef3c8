import { describe, expect, it } from 'vitest';
import { createWebRandom } from './web-random.ts';

describe('createWebRandom', () => {
  it('asks for no more than the platform gives at once, and leaves nothing unfilled', () => {
    const asked: number[] = [];
    const random = createWebRandom({
      getRandomValues(target) {
        asked.push(target.byteLength);
        target.fill(7);
      },
    });
    expect(random.bytes(70_000).every((byte) => byte === 7)).toBe(true);
    for (const words of [new Uint32Array(40_001), new Uint32Array(new SharedArrayBuffer(40))]) {
      random.words(words);
      expect(words.every((word) => word === 7)).toBe(true);
    }
    expect(random.bytes(0)).toHaveLength(0);
    expect(Math.max(...asked)).toBe(65_536);
    expect(asked.reduce((sum, bytes) => sum + bytes, 0)).toBe(70_000 + 160_004 + 40);
  });

  it('is the platform’s own', () => {
    const random = createWebRandom(globalThis.crypto);
    expect(random.secure).toBe(true);
    expect(new Set(Array.from({ length: 20 }, () => random.bytes(16).join())).size).toBe(20);
  });
});
