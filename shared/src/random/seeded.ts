import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../vector/index.ts';
import type { RandomSource } from './source.ts';

/**
 * A reproducible stream for simulation and tests: xoshiro128** seeded by SHA-256 of the text. Never for keys, noise or
 * coins of real data: `secure` is false.
 * @see Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators", §4
 */
export function createSeededRandom(seed: string): RandomSource {
  const digest = sha256(utf8(`sotto/1/seeded-random\0${seed}`));
  const view = new DataView(digest.buffer, digest.byteOffset);
  let a = view.getUint32(0, true);
  let b = view.getUint32(4, true);
  let c = view.getUint32(8, true);
  let d = view.getUint32(12, true) | 1; // the all-zero state is the one that must not be

  function words(target: Uint32Array): void {
    for (let i = 0; i < target.length; i++) {
      const m = Math.imul(b, 5);
      target[i] = Math.imul((m << 7) | (m >>> 25), 9);
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
    }
  }

  return {
    secure: false,
    words,
    bytes(length) {
      const whole = new Uint32Array(Math.ceil(length / 4));
      words(whole);
      const bytes = new Uint8Array(whole.length * 4);
      const out = new DataView(bytes.buffer);
      for (let i = 0; i < whole.length; i++) out.setUint32(4 * i, whole[i]!, true);
      return bytes.slice(0, length);
    },
  };
}
