import { createCipheriv } from 'node:crypto';
import type { KeyStream } from './port.ts';
import { counterBlock } from './counter-block.ts';
import { sourceOfStream, streamPieceWords } from './key-stream.ts';

const zeros = new Uint8Array(4 * streamPieceWords);

/** The port's `keyStream` on node:crypto, for threads that need nothing else of it. */
export const nodeKeyStream: KeyStream = (key, { secure }) => {
  const cipher = createCipheriv('aes-256-ctr', key, counterBlock(0));
  return sourceOfStream(secure, () => cipher.update(zeros));
};
