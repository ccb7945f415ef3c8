import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Mask } from '@sotto/shared/crypto';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { isSottoError } from '@sotto/shared/errors';
import { createMaskThreads, type MaskThreads } from './mask-threads.ts';

const plain = createNodeCrypto();
const random = createNodeRandom();
const open: MaskThreads[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((threads) => threads.close()));
});

function threadsOf(count: number) {
  const here = vi.fn(plain.addMasks);
  const threads = createMaskThreads({ ...plain, addMasks: here }, count);
  open.push(threads);
  return { threads, here };
}

function masksOf(count: number): Mask[] {
  return Array.from({ length: count }, (_, i) => ({ key: random.bytes(32), sign: i % 3 === 0 ? -1 : 1 }));
}

function sharedWords(length: number): Uint32Array {
  const words = new Uint32Array(new SharedArrayBuffer(4 * length));
  for (let i = 0; i < length; i++) words[i] = Math.imul(i, 2_654_435_761);
  return words;
}

const bytesOf = (words: Uint32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength);

describe('masks on several threads', () => {
  it.each([
    [2, 400_000, 0],
    [3, 400_001, 8],
    [4, 399_999, 4_000],
  ])('%i of them give the same words as one, at any length and from any block', async (count, length, firstWord) => {
    const { threads, here } = threadsOf(count);
    const masks = masksOf(12);
    const words = sharedWords(length);
    const expected = new Uint32Array(words);
    await plain.addMasks(expected, masks, firstWord);
    await threads.crypto.addMasks(words, masks, firstWord);
    expect(bytesOf(words).equals(bytesOf(expected))).toBe(true);
    expect(here).not.toHaveBeenCalled();
  });

  it('leave what is small, what is not in shared memory, and all where there is one thread, to the caller', async () => {
    const [two, one] = [threadsOf(2), threadsOf(1)];
    await two.threads.crypto.addMasks(sharedWords(100_000), masksOf(12));
    await two.threads.crypto.addMasks(new Uint32Array(400_000), masksOf(12));
    expect(two.here).toHaveBeenCalledTimes(2);
    await one.threads.crypto.addMasks(sharedWords(400_000), masksOf(12));
    expect(one.here).toHaveBeenCalledTimes(1);
  });

  it('work on several sums at a time', async () => {
    const { threads } = threadsOf(2);
    const jobs = [12, 13, 14].map((count) => ({ masks: masksOf(count), words: sharedWords(400_000) }));
    await Promise.all(jobs.map(({ words, masks }) => threads.crypto.addMasks(words, masks)));
    for (const { masks, words } of jobs) {
      const expected = new Uint32Array(sharedWords(400_000));
      await plain.addMasks(expected, masks);
      expect(bytesOf(words).equals(bytesOf(expected))).toBe(true);
    }
  });

  it('fail a sum whose masks a thread cannot expand, and do the next', async () => {
    const { threads } = threadsOf(2);
    const masks = masksOf(12);
    const bad = [...masks, { key: new Uint8Array(31), sign: 1 } as const];
    const failed = threads.crypto.addMasks(sharedWords(400_000), bad);
    await expect(failed).rejects.toSatisfy((error) => isSottoError(error, 'RECOVERY_FAILED'));
    const words = sharedWords(400_000);
    await threads.crypto.addMasks(words, masks);
    await threads.crypto.addMasks(
      words,
      masks.map(({ key, sign }) => ({ key, sign: sign === 1 ? -1 : 1 })),
    );
    expect(bytesOf(words).equals(bytesOf(sharedWords(400_000)))).toBe(true);
  });

  it('end when they are closed: what is under way fails, and so does what comes after', async () => {
    const { threads } = threadsOf(2);
    const under = threads.crypto.addMasks(sharedWords(4_000_000), masksOf(50));
    under.catch(() => undefined);
    await threads.close();
    await expect(under).rejects.toThrow(/closing/);
    await expect(threads.crypto.addMasks(sharedWords(400_000), masksOf(12))).rejects.toThrow(/closed/);
  });
});
