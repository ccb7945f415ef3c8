import type { IncomingMessage, ServerResponse } from 'node:http';
import { SottoError } from '@sotto/shared/errors';
import type { UploadPlace, UploadRoom } from './upload-room.ts';

/** Gives memory back at once, overwritten. */
export type Release = (bytes: Uint8Array<ArrayBuffer>) => void;

/**
 * Reads an upload's body when the room has a place for it, and hands it on; the place and the memory are free again when that is done.
 *
 * @param bytesNow - the length that the body must have, asked when its turn has come; null: it is not read
 * @throws {MESSAGE_TOO_LARGE} {RATE_LIMITED} when it was put off; {CANCELLED} when its sender has gone.
 */
export async function withUploadBody<Result>(
  room: UploadRoom,
  release: Release,
  { sender, body, response }: { sender: string; body: IncomingMessage; response: ServerResponse },
  bytesNow: () => number | null,
  work: (vector: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const expected = bytesNow();
  // Answered without the body: an upload that was counted gets its recorded reply.
  if (expected === null) return work(new Uint8Array(0));
  let stop = (_error: SottoError): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  stopped.catch(() => undefined);
  const broken = (): void => stop(new SottoError('CANCELLED', `client ${sender}: the upload broke off`));
  body.once('error', broken).once('close', broken);
  if (body.destroyed) broken();
  const { place, giveUp } = room.enter({
    sender,
    bytes: expected,
    waits: () => response.writeProcessing(),
    putOff: stop,
  });
  const turn = await Promise.race([place, stopped]).catch((error: unknown) => {
    giveUp();
    // The place may have come in the same moment.
    void place.then((late) => late.leave(false));
    throw endConnection(response, error);
  });
  let whole: Uint8Array<ArrayBuffer> | null = null;
  let done = false;
  try {
    const bytes = bytesNow();
    if (bytes === null) return await work(new Uint8Array(0));
    whole = new Uint8Array(bytes);
    const length = await Promise.race([fill(whole, body, turn, release), stopped]);
    done = true;
    return await work(whole.subarray(0, length));
  } catch (error) {
    throw done ? error : endConnection(response, error);
  } finally {
    body.removeAllListeners('data');
    if (whole !== null) release(whole);
    turn.leave(done);
  }
}

/** What is left of a body is not read: the answer is the last on its connection. */
function endConnection(response: ServerResponse, error: unknown): unknown {
  if (!response.headersSent) response.setHeader('connection', 'close');
  return error;
}

/** Reads to the end; the number of bytes that came. @throws {MESSAGE_TOO_LARGE} */
function fill(whole: Uint8Array, body: IncomingMessage, place: UploadPlace, release: Release): Promise<number> {
  return new Promise((resolve, reject) => {
    let length = 0;
    body.once('end', () => resolve(length));
    body.on('data', (part: Uint8Array<ArrayBuffer>) => {
      if (length + part.length > whole.length) {
        body.pause();
        reject(new SottoError('MESSAGE_TOO_LARGE', `the vector has more than the session's ${whole.length} bytes`));
        return;
      }
      whole.set(part, length);
      length += part.length;
      place.arrived(part.length);
      // Left to the collector, the pieces of a large vector lie about as another vector's worth.
      if (part.length === part.buffer.byteLength) release(part);
    });
  });
}
