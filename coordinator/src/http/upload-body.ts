import type { IncomingMessage, ServerResponse } from 'node:http';
import { SottoError } from '@sotto/shared/errors';
import type { Clock } from '@sotto/shared/protocol';
import type { UploadPlace, UploadRoom } from './upload-room.ts';

/** Gives memory back at once, overwritten. */
export type Release = (bytes: Uint8Array<ArrayBuffer>) => void;

/** A request that brings a vector, or the rest of one. */
export type UploadRequest = {
  /** The client and its session. */
  readonly sender: string;
  readonly body: IncomingMessage;
  readonly response: ServerResponse;
  /** The first byte of the vector that the body has. */
  readonly from: number;
  /** The hash of the whole, as the client signed it: what was kept belongs to the same vector. It is checked when all is there. */
  readonly hash: string;
};

/** What becomes of a request: its work's result, or the byte at which the vector has to go on. */
export type UploadTaken<Result> = { readonly result: Result } | { readonly goOnAt: number };

export type UploadIntake = {
  /**
   * Reads a body when the room has a place for it, and hands the vector on when all of it is there; the place and the memory
   * are free again when that is done. What came over a connection that broke is kept for the rest.
   *
   * @param bytesNow - the length that the vector must have, asked when its turn has come; null: it is not read
   * @throws {MESSAGE_TOO_LARGE} {RATE_LIMITED} when it was put off; {CANCELLED} when its sender has gone.
   */
  take<Result>(
    request: UploadRequest,
    bytesNow: () => number | null,
    work: (vector: Uint8Array) => Promise<Result>,
  ): Promise<UploadTaken<Result>>;
  /** The byte at which a sender's vector has to go on; null when it is not awaited. What still comes over an older connection is not read. */
  offset(sender: string, bytesNow: () => number | null): Promise<number | null>;
  /** Forgets what is kept. */
  close(): void;
};

/** One vector on its way, over however many connections. */
type Arriving = {
  readonly whole: Uint8Array<ArrayBuffer>;
  readonly place: UploadPlace;
  readonly hash: string;
  length: number;
  /** The body that is being read; null: the connection broke. */
  body: IncomingMessage | null;
  /** Ends the reading. */
  stop: (error: SottoError) => void;
  /** What is done with the whole, once it is there. */
  work: Promise<unknown> | null;
  cancelLook: () => void;
};

/** How often it is looked whether the rest of a kept vector is still awaited, in milliseconds. */
const lookEveryMs = 5_000;

/** Bounded by its room, what is kept included; nothing of it is ever on a disk or counted before it is whole. */
export function createUploadIntake(clock: Clock, room: UploadRoom, release: Release): UploadIntake {
  const arriving = new Map<string, Arriving>();

  function drop(sender: string, vector: Arriving, done: boolean): void {
    if (arriving.get(sender) === vector) arriving.delete(sender);
    vector.cancelLook();
    release(vector.whole);
    vector.place.leave(done);
  }

  /** Waits for the rest, for as long as somebody awaits the vector. */
  function keep(sender: string, vector: Arriving, bytesNow: () => number | null): void {
    vector.body = null;
    vector.place.pause();
    vector.stop = () => drop(sender, vector, false);
    const look = (): void => {
      if (bytesNow() === null) drop(sender, vector, false);
      else vector.cancelLook = clock.after(lookEveryMs, look);
    };
    vector.cancelLook = clock.after(lookEveryMs, look);
  }

  /** The sender's vector, with no older connection that still brings bytes of it, and nothing being done with it. */
  async function settled(sender: string, bytesNow: () => number | null): Promise<Arriving | null> {
    for (let known = arriving.get(sender); known?.work; known = arriving.get(sender)) {
      await known.work.catch(() => undefined);
    }
    const known = arriving.get(sender) ?? null;
    if (known?.body) {
      const { stop } = known;
      keep(sender, known, bytesNow);
      stop(new SottoError('CANCELLED', `client ${sender}: its upload goes on over another connection`));
    }
    return known;
  }

  async function begin(request: UploadRequest, bytesNow: () => number | null): Promise<Arriving | null> {
    const { sender, body, response, hash } = request;
    let stop = (_error: SottoError): void => undefined;
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    stopped.catch(() => undefined);
    const broken = (): void => stop(brokenOff(sender));
    body.once('error', broken).once('close', broken);
    if (body.destroyed) broken();
    let putOff = stop;
    const { place, giveUp } = room.enter({
      sender,
      bytes: bytesNow() ?? 0,
      waits: () => response.writeProcessing(),
      putOff: (error) => putOff(error),
    });
    const turn = await Promise.race([place, stopped]).catch((error: unknown) => {
      giveUp();
      // The place may have come in the same moment.
      void place.then((late) => late.leave(false));
      throw error;
    });
    body.off('error', broken).off('close', broken);
    const bytes = bytesNow();
    if (bytes === null) {
      turn.leave(false);
      return null;
    }
    const vector: Arriving = {
      whole: new Uint8Array(bytes),
      place: turn,
      hash,
      length: 0,
      body: null,
      stop: () => undefined,
      work: null,
      cancelLook: () => undefined,
    };
    putOff = (error) => vector.stop(error);
    arriving.set(sender, vector);
    return vector;
  }

  /** Reads to the end of a body. @throws {MESSAGE_TOO_LARGE} {CANCELLED} {RATE_LIMITED} */
  function fill(sender: string, vector: Arriving, body: IncomingMessage): Promise<void> {
    const filled = new Promise<void>((resolve, reject) => {
      vector.cancelLook();
      vector.place.goOn();
      vector.body = body;
      vector.stop = reject;
      const broken = (): void => reject(brokenOff(sender));
      body.once('error', broken).once('close', broken);
      body.once('end', () => {
        if (vector.body === body) resolve();
      });
      if (body.destroyed) broken();
      body.on('data', (part: Uint8Array<ArrayBuffer>) => {
        if (vector.body !== body) return;
        if (vector.length + part.length > vector.whole.length) {
          const most = `the vector has more than the session's ${vector.whole.length} bytes`;
          body.pause();
          reject(new SottoError('MESSAGE_TOO_LARGE', most));
          return;
        }
        vector.whole.set(part, vector.length);
        vector.length += part.length;
        vector.place.arrived(part.length);
        // Left to the collector, the pieces of a large vector lie about as another vector's worth.
        if (part.length === part.buffer.byteLength) release(part);
      });
    });
    return filled.finally(() => body.removeAllListeners('data'));
  }

  return {
    async take(request, bytesNow, work) {
      const { sender, body, response, from, hash } = request;
      const known = await settled(sender, bytesNow);
      // Answered without the body: an upload that was counted gets its recorded reply.
      if (bytesNow() === null) return { result: await work(new Uint8Array(0)) };
      if (from > 0 && (known?.hash !== hash || known.length !== from)) return { goOnAt: known?.length ?? 0 };
      if (from === 0 && known !== null) drop(sender, known, false);
      let vector: Arriving | null = from > 0 ? known : null;
      try {
        vector ??= await begin(request, bytesNow);
        if (vector === null) return { result: await work(new Uint8Array(0)) };
        await fill(sender, vector, body);
      } catch (error) {
        // Once another connection has taken over, what becomes of the vector is no longer this one's affair.
        if (vector?.body === body) {
          if (isBroken(error) && vector.length > 0) keep(sender, vector, bytesNow);
          else drop(sender, vector, false);
        }
        throw endConnection(response, error);
      }
      const { whole, length } = vector;
      try {
        const done = work(whole.subarray(0, length));
        vector.work = done;
        return { result: await done };
      } finally {
        drop(sender, vector, true);
      }
    },
    async offset(sender, bytesNow) {
      const known = await settled(sender, bytesNow);
      return bytesNow() === null ? null : (known?.length ?? 0);
    },
    close() {
      for (const [sender, vector] of arriving) if (vector.body === null) drop(sender, vector, false);
    },
  };
}

function brokenOff(sender: string): SottoError {
  return new SottoError('CANCELLED', `client ${sender}: the upload broke off`);
}

function isBroken(error: unknown): boolean {
  return error instanceof SottoError && error.code === 'CANCELLED';
}

/** What is left of a body is not read: the answer is the last on its connection. */
function endConnection(response: ServerResponse, error: unknown): unknown {
  if (!response.headersSent) response.setHeader('connection', 'close');
  return error;
}
