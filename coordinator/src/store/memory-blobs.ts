import { createHash } from 'node:crypto';
import type { Blobs } from './store.ts';

/** Blobs in memory: for simulation and tests. */
export function createMemoryBlobs(): Blobs {
  const blobs = new Map<string, Uint8Array>();
  return {
    async put(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      if (!blobs.has(hash)) blobs.set(hash, bytes.slice());
      return hash;
    },
    async get(hash) {
      return blobs.get(hash) ?? null;
    },
    async remove(hash) {
      blobs.delete(hash);
    },
  };
}
