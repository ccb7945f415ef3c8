import { once } from 'node:events';
import { createServer, request, type ClientRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryReleaser } from '@sotto/shared/crypto/node';
import { isSottoError } from '@sotto/shared/errors';
import { afterEach, expect, it } from 'vitest';
import { createManualClock } from '../testing/manual-clock.ts';
import { createUploadIntake } from './upload-body.ts';
import { createUploadRoom } from './upload-room.ts';

const bytes = 40 * 2 ** 20;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** The value that every byte of a vector has; -1 of an empty one. */
function valueOf(vector: Uint8Array): number {
  const [value = -1] = vector;
  return Buffer.from(vector.buffer, vector.byteOffset, vector.length).equals(Buffer.alloc(vector.length, value))
    ? value
    : Number.NaN;
}

/** A server that takes bodies of 40 MiB: one at a time is in the room. */
async function intake(expected: () => number | null = () => bytes) {
  const clock = createManualClock();
  const room = createUploadRoom(clock, 64 * 2 ** 20);
  const intake = createUploadIntake(clock, room, await memoryReleaser());
  const seen = { inWork: 0, most: 0, taken: [] as number[], codes: [] as string[] };
  const server = createServer((body, response) => {
    const sender = body.url ?? '';
    const hash = String(body.headers['x-hash'] ?? sender);
    const from = Number(body.headers['x-from'] ?? 0);
    const work = async (vector: Uint8Array): Promise<void> => {
      seen.inWork += 1;
      seen.most = Math.max(seen.most, seen.inWork);
      seen.taken.push(valueOf(vector));
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.inWork -= 1;
    };
    intake.take({ sender, body, response, from, hash }, expected, work).then(
      (taken) => response.end('result' in taken ? 'taken' : `go on at ${taken.goOnAt}`),
      (error: unknown) => {
        const code = isSottoError(error) ? error.code : 'INTERNAL';
        seen.codes.push(code);
        response.writeHead(429).end(code);
      },
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const begin = (client: string, from = 0, hash = `/${client}`): ClientRequest => {
    const headers = { 'content-length': bytes - from, 'x-from': from, 'x-hash': hash };
    const sent = request({ port, host: '127.0.0.1', method: 'PUT', path: `/${client}`, agent: false, headers });
    sent.on('error', () => undefined);
    return sent;
  };
  const send = async (client: string, value: number, from = 0, hash = `/${client}`): Promise<string> => {
    const sent = begin(client, from, hash);
    sent.end(new Uint8Array(bytes - from).fill(value));
    const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const part of answer) text += part.toString();
    return text;
  };
  /** Where a client's vector goes on, once so many bytes of it are there. */
  const offsetOf = async (client: string, atLeast = 0): Promise<number | null> => {
    for (;;) {
      const offset = await intake.offset(`/${client}`, expected);
      if (offset === null || offset >= atLeast) return offset;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { clock, seen, begin, send, offsetOf, intake };
}

it('takes large bodies one after the other, each of them whole', async () => {
  const { seen, send } = await intake();
  const answers = await Promise.all([1, 2, 3, 4].map((value) => send(`c${value}`, value)));
  expect(answers).toEqual(['taken', 'taken', 'taken', 'taken']);
  expect(seen.most).toBe(1);
  expect(seen.taken.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
});

it('puts a sender off that stops in the midst while another waits, and takes it when it comes again', async () => {
  const { clock, seen, begin, send } = await intake();
  const slow = begin('slow');
  slow.write(new Uint8Array(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const other = send('other', 7);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (let second = 0; second < 15; second++) clock.next(1_000);
  expect(await other).toBe('taken');
  expect(seen.codes).toEqual(['RATE_LIMITED']);
  slow.destroy();
  expect(await send('slow', 9)).toBe('taken');
  expect(seen.taken).toEqual([7, 9]);
});

it('gives the place of a sender that breaks off to the next, whether it was sending or waiting', async () => {
  const { clock, seen, begin, send } = await intake();
  const first = begin('first');
  first.write(new Uint8Array(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const second = begin('second');
  second.write(new Uint8Array(1_000_000));
  const third = send('third', 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  second.destroy();
  first.destroy();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(seen.taken).toEqual([]);
  // A few seconds for each of them, in which it could have come back.
  for (let tick = 0; tick < 20; tick++) {
    clock.next(1_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await third).toBe('taken');
  expect(seen.codes).toEqual(['CANCELLED', 'CANCELLED']);
});

it('asks again what length is right when the turn has come, and reads nothing when the session is over', async () => {
  let open = true;
  const { seen, send } = await intake(() => (open ? bytes : null));
  const answers = Promise.all([send('a', 1), send('b', 2)]);
  await new Promise((resolve) => setTimeout(resolve, 1));
  while (seen.inWork === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  open = false;
  expect(await answers).toEqual(['taken', 'taken']);
  expect(seen.taken.toSorted((a, b) => a - b)[0]).toBe(-1);
});

/** Sends the beginning of a vector, then the line is lost. */
async function sendBeginning({ begin }: Awaited<ReturnType<typeof intake>>, client: string, value: number) {
  const sent = begin(client);
  sent.write(new Uint8Array(10_000_000).fill(value));
  return sent;
}

it('goes on where a connection broke, and hands on the whole', async () => {
  const line = await intake();
  const sent = await sendBeginning(line, 'a', 3);
  // Asking ends the older connection, which may not know yet that it is dead, and settles the number.
  const offset = await line.offsetOf('a');
  expect(offset).toBeLessThanOrEqual(10_000_000);
  sent.destroy();
  expect(await line.send('a', 3, offset!)).toBe('taken');
  expect(line.seen.taken).toEqual([3]);
  expect(await line.offsetOf('a')).toBe(0);
});

it('takes no rest that does not fit: of another vector, from another byte, or of nothing', async () => {
  const line = await intake();
  expect(await line.send('a', 3, 5)).toBe('go on at 0');
  const sent = await sendBeginning(line, 'a', 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  sent.destroy();
  const offset = (await line.offsetOf('a', 1))!;
  expect(await line.send('a', 3, offset + 1)).toBe(`go on at ${offset}`);
  expect(await line.send('a', 3, offset, 'another')).toBe(`go on at ${offset}`);
  expect(line.seen.taken).toEqual([]);
  // A vector from its beginning makes what was kept void.
  expect(await line.send('a', 4)).toBe('taken');
  expect(line.seen.taken).toEqual([4]);
});

it('forgets what it kept when the session no longer awaits it, and its place is free', async () => {
  let open = true;
  const line = await intake(() => (open ? bytes : null));
  const sent = await sendBeginning(line, 'a', 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  sent.destroy();
  expect(await line.offsetOf('a', 1)).toBeGreaterThan(0);
  open = false;
  expect(await line.offsetOf('a')).toBeNull();
  line.clock.next(5_000);
  open = true;
  expect(await line.offsetOf('a')).toBe(0);
  expect(await line.send('b', 7)).toBe('taken');
});

it('counts a vector once: whoever asks while it is worked on waits for that', async () => {
  const counted = new Set<string>();
  const line = await intake(() => (counted.size > 0 ? null : bytes));
  const first = line.send('a', 5).then((answer) => {
    counted.add('a');
    return answer;
  });
  while (line.seen.inWork === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  counted.add('a');
  expect(await line.offsetOf('a')).toBeNull();
  expect(line.seen.inWork).toBe(0);
  expect(await line.send('a', 5, bytes)).toBe('taken');
  expect(await first).toBe('taken');
  expect(line.seen.taken).toEqual([5, -1]);
});
