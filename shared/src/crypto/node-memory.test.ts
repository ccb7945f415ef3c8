import { createCipheriv } from 'node:crypto';
import { expect, it } from 'vitest';
import { createNodeCrypto } from './node.ts';
import { memoryReleaser } from './node-memory.ts';

it('takes away the memory of a key stream at once, so that nobody reads it again', async () => {
  const release = await memoryReleaser();
  const stream = createCipheriv('aes-256-ctr', new Uint8Array(32), new Uint8Array(16)).update(new Uint8Array(65_536));
  expect(stream.buffer.byteLength).toBe(65_536);
  release(stream);
  expect(stream.length).toBe(0);
  expect(stream.buffer.byteLength).toBe(0);
});

it('keeps the memory of a sum of many masks to that of a few pieces', async () => {
  const masks = Array.from({ length: 100 }, (_, i) => ({ key: new Uint8Array(32).fill(i), sign: 1 }) as const);
  const target = new Uint32Array(500_000);
  const crypto = createNodeCrypto();
  await crypto.addMasks(target, masks.slice(0, 2));
  const before = process.memoryUsage().arrayBuffers;
  await crypto.addMasks(target, masks);
  // 200 MB of key stream were made.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
});
