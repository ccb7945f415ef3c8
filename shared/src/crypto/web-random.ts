import type { RandomSource } from '../random/index.ts';

/** What a platform's `crypto` gives. */
type RandomValues = { getRandomValues(target: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): unknown };

/** Most bytes that one call gives. @see Web Cryptography API, getRandomValues */
const callBytes = 65_536;

/**
 * The platform's CSPRNG, for browsers and their workers.
 * @param platform - the global `crypto`
 */
export function createWebRandom(platform: RandomValues): RandomSource {
  return {
    secure: true,
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += callBytes) platform.getRandomValues(bytes.subarray(at, at + callBytes));
      return bytes;
    },
    words(target) {
      // Words may lie in shared memory, which the platform does not fill.
      const piece = new Uint32Array(Math.min(target.length, callBytes / 4));
      for (let at = 0; at < target.length; at += piece.length) {
        const part = piece.subarray(0, Math.min(piece.length, target.length - at));
        platform.getRandomValues(part);
        target.set(part, at);
      }
      piece.fill(0);
    },
  };
}
