import { once } from 'node:events';
import { createServer, request, type ClientRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryReleaser } from '@sotto/shared/crypto/node';
import { isSottoError } from '@sotto/shared/errors';
import { afterEach, expect, it } from 'vitest';
import { createManualClock } from '../testing/manual-clock.ts';
import { withUploadBody } from './upload-body.ts';
import { createUploadRoom } from './upload-room.ts';

const bytes = 40 * 2 ** 20;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that takes bodies of 40 MiB: one at a time is in the room. */
async function intake(expected: () => number | null = () => bytes) {
  const clock = createManualClock();
  const room = createUploadRoom(clock, 64 * 2 ** 20);
  const release = await memoryReleaser();
  const seen = { inWork: 0, most: 0, taken: [] as number[], codes: [] as string[] };
  const server = createServer((body, response) => {
    const sender = body.url ?? '';
    withUploadBody(room, release, { sender, body, response }, expected, async (vector) => {
      seen.inWork += 1;
      seen.most = Math.max(seen.most, seen.inWork);
      seen.taken.push(vector.length === 0 ? -1 : vector.reduce((sum, byte) => sum + byte, 0) / vector.length);
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.inWork -= 1;
    }).then(
      () => response.end('taken'),
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
  const begin = (client: string): ClientRequest => {
    const headers = { 'content-length': bytes };
    const sent = request({ port, host: '127.0.0.1', method: 'PUT', path: `/${client}`, agent: false, headers });
    sent.on('error', () => undefined);
    return sent;
  };
  const send = async (client: string, value: number): Promise<string> => {
    const sent = begin(client);
    sent.end(new Uint8Array(bytes).fill(value));
    const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const part of answer) text += part.toString();
    return text;
  };
  return { clock, seen, begin, send };
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
  const { seen, begin, send } = await intake();
  const first = begin('first');
  first.write(new Uint8Array(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const second = begin('second');
  second.write(new Uint8Array(1_000_000));
  const third = send('third', 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  second.destroy();
  first.destroy();
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
