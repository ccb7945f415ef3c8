import { SottoError } from '../errors/index.ts';

/**
 * The AES-CTR counter block (16 bytes, big-endian) at which a key stream's word `firstWord` begins.
 * @throws {INVALID_INPUT} when `firstWord` is no multiple of 4, the words of a block.
 */
export function counterBlock(firstWord: number): Uint8Array {
  if (!Number.isSafeInteger(firstWord) || firstWord < 0 || firstWord % 4 !== 0) {
    throw new SottoError('INVALID_INPUT', `a mask begins at a multiple of 4 words, got ${firstWord}`);
  }
  const block = new Uint8Array(16);
  new DataView(block.buffer).setBigUint64(8, BigInt(firstWord / 4));
  return block;
}
