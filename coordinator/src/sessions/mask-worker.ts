import { parentPort, type MessagePort } from 'node:worker_threads';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import type { MaskReply, MaskRequest } from './mask-protocol.ts';

/** The working side: one range after the other. */
function serve(port: MessagePort): void {
  const crypto = createNodeCrypto();
  let last: Promise<void> = Promise.resolve();

  async function add({ id, target, masks, firstWord }: MaskRequest): Promise<void> {
    let failed: string | null = null;
    try {
      await crypto.addMasks(target, masks, firstWord);
    } catch (error) {
      failed = error instanceof Error ? error.message : String(error);
    }
    for (const { key } of masks) key.fill(0);
    port.postMessage({ id, failed } satisfies MaskReply);
  }

  port.on('message', (request: MaskRequest) => {
    last = last.then(() => add(request));
  });
}

if (parentPort !== null) serve(parentPort);
