import { wordsFromLittleEndian, wordsOfLittleEndian, wordsToLittleEndian } from '../vector/index.ts';

/** Weights as little-endian float32, in layout order: the blob whose SHA-256 is the model hash. */
export function weightsToBytes(weights: Float32Array): Uint8Array {
  return wordsToLittleEndian(new Uint32Array(weights.buffer, weights.byteOffset, weights.length));
}

/**
 * Weights of little-endian float32 bytes, in new memory.
 * @throws {INVALID_INPUT} when the length is no multiple of four.
 */
export function weightsFromBytes(bytes: Uint8Array): Float32Array {
  return new Float32Array(wordsFromLittleEndian(bytes).buffer);
}

/**
 * As {@link weightsFromBytes}, in the bytes' own memory where that lies as it must; for weights that are only read.
 * @throws {INVALID_INPUT} when the length is no multiple of four.
 */
export function weightsOfBytes(bytes: Uint8Array): Float32Array {
  const words = wordsOfLittleEndian(bytes);
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}
