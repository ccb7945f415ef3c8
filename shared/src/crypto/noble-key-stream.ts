import { ctr } from '@noble/ciphers/aes.js';
import { counterBlock } from './counter-block.ts';
import { sourceOfStream, streamPieceWords } from './key-stream.ts';
import type { KeyStream } from './port.ts';

/** The port's `keyStream` on the noble library: also where the platform's cipher answers later only, as WebCrypto's does. */
export const nobleKeyStream: KeyStream = (key, { secure }) => {
  let pieces = 0;
  const zeros = new Uint8Array(4 * streamPieceWords);
  return sourceOfStream(secure, () => ctr(key, counterBlock(streamPieceWords * pieces++)).encrypt(zeros));
};
