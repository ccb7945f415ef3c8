import type { RandomSource } from '../random/index.ts';
import { littleEndianOf, wordsFromLittleEndian } from '../vector/index.ts';

/** Words of a key stream that are made at a time: a multiple of the four of a block. */
export const streamPieceWords = 4_096;

/**
 * A source of randomness on a key stream, read as little-endian 32-bit words.
 * @param nextPiece - the stream's next {@link streamPieceWords} words, as bytes
 */
export function sourceOfStream(secure: boolean, nextPiece: () => Uint8Array): RandomSource {
  let piece: Uint32Array = new Uint32Array(0);
  let used = 0;

  function words(target: Uint32Array): void {
    for (let filled = 0; filled < target.length;) {
      if (used === piece.length) {
        piece = wordsFromLittleEndian(nextPiece());
        used = 0;
      }
      const count = Math.min(target.length - filled, piece.length - used);
      target.set(piece.subarray(used, used + count), filled);
      // What was given out is secret, and stays here no longer.
      piece.fill(0, used, used + count);
      used += count;
      filled += count;
    }
  }

  return {
    secure,
    words,
    bytes(length) {
      const whole = new Uint32Array(Math.ceil(length / 4));
      words(whole);
      return littleEndianOf(whole).slice(0, length);
    },
  };
}
