import { randomFillSync } from 'node:crypto';
import type { RandomSource } from '../random/index.ts';

/** The platform's CSPRNG. */
export function createNodeRandom(): RandomSource {
  return {
    secure: true,
    bytes: (length) => randomFillSync(new Uint8Array(length)),
    words: (target) => {
      randomFillSync(target);
    },
  };
}
