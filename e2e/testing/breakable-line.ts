import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP line to a server that can be broken: nothing of what is carried is looked at. */
export type BreakableLine = {
  readonly port: number;
  /** Bytes that came from the client's side and were passed on. */
  readonly bytesUp: () => number;
  /** How often connections were broken. */
  readonly cuts: () => number;
  /** Breaks all connections; what was passed on until then arrives. */
  cut(): void;
  /** Breaks all connections when so many more bytes have come from the client's side. */
  cutAfter(bytes: number): void;
  /** Breaks all connections, and lets no new ones through until `up`. */
  down(): void;
  up(): void;
  close(): Promise<void>;
};

export async function openLine(target: number): Promise<BreakableLine> {
  const pairs = new Set<{ near: Socket; far: Socket }>();
  let bytesUp = 0;
  let cuts = 0;
  let isDown = false;
  let cutAt = Number.POSITIVE_INFINITY;

  function cut(): void {
    if (pairs.size > 0) cuts += 1;
    cutAt = Number.POSITIVE_INFINITY;
    for (const { near, far } of pairs) {
      near.destroy();
      // After what was written.
      far.end();
    }
    pairs.clear();
  }

  const server = createServer((near) => {
    if (isDown) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    const pair = { near, far };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      near.destroy();
      far.end();
    };
    for (const socket of [near, far]) socket.setNoDelay(true).on('error', end).on('close', end);
    near.on('data', (part: Buffer) => {
      const taken = part.subarray(0, Math.max(0, cutAt - bytesUp));
      bytesUp += taken.length;
      if (!far.write(taken)) near.pause();
      if (bytesUp >= cutAt) cut();
    });
    far.on('drain', () => near.resume());
    far.on('data', (part: Buffer) => {
      if (!near.write(part)) far.pause();
    });
    near.on('drain', () => far.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    bytesUp: () => bytesUp,
    cuts: () => cuts,
    cut,
    cutAfter(bytes) {
      cutAt = bytesUp + bytes;
    },
    down() {
      isDown = true;
      cut();
    },
    up() {
      isDown = false;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
