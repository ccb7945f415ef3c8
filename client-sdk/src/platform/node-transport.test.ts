import { createHash } from 'node:crypto';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { exampleClients } from '@sotto/shared/plan/testing';
import { fromHex } from '@sotto/shared/vector';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { createNodeClock } from './node-clock.ts';
import { createNodeTransport } from './node-transport.ts';
import type { Transport } from './transport.ts';

const crypto = createNodeCrypto();
const [member] = exampleClients(1);
const { client, seed } = member!;

const running: { server: FakeCoordinator; transport: Transport }[] = [];
afterEach(async () => {
  for (const { server, transport } of running.splice(0)) {
    await transport.close();
    await server.stop();
  }
});

/** A node's transport on a coordinator; what it tells its owner is listed. */
async function begin(prepare: (server: FakeCoordinator) => void = () => undefined) {
  const server = new FakeCoordinator();
  prepare(server);
  await server.start();
  const transport = createNodeTransport({
    coordinator: `http://127.0.0.1:${server.port}`,
    tlsFingerprint: null,
    identity: { client, sign: (message) => crypto.ed25519Sign(fromHex(seed), message) },
    clock: createNodeClock(),
  });
  running.push({ server, transport });
  const told: string[] = [];
  transport.start({
    received: ({ type }) => told.push(type),
    connected: () => told.push('connected'),
    disconnected: () => told.push('disconnected'),
    retrying: (code) => told.push(code),
    failed: (error) => told.push(`failed ${error.code}`),
  });
  const times = (what: string) => told.filter((name) => name === what).length;
  const until = (what: string, count = 1) => vi.waitFor(() => expect(times(what)).toBe(count), 10_000);
  return { server, transport, told, times, until };
}

const accept = { type: 'runAccept', runId: 'cd'.repeat(16) } as const;
const ended = {
  type: 'runEnded',
  runId: 'cd'.repeat(16),
  outcome: 'finished',
  modelHash: 'ab'.repeat(32),
  reason: null,
} as const;

describe('a node comes back by itself', () => {
  it('when its socket is cut', async () => {
    const { server, transport, until } = await begin();
    await until('connected');
    server.cut();
    await until('disconnected');
    await until('connected', 2);
    expect(await transport.send(accept)).toEqual({ ok: true });
    server.send(ended);
    await until('runEnded');
  });

  it('when its token is no longer known', async () => {
    const { server, transport, until } = await begin();
    await until('connected');
    server.blob = (_, response) => void response.end('abc');
    server.tokens.clear();
    expect(Buffer.from(await transport.fetchBlob('00'.repeat(32))).toString()).toBe('abc');
    expect(server.signIns).toBe(2);
    server.tokens.clear();
    server.cut();
    await until('connected', 2);
  });

  it('when the coordinator restarts; what was asked meanwhile is answered then', async () => {
    const { server, transport, until, told } = await begin();
    await until('connected');
    await server.stop();
    await until('disconnected');
    const reply = transport.send(accept);
    const blob = transport.fetchBlob('00'.repeat(32));
    await vi.waitFor(() => expect(told).toContain('UNREACHABLE'), 10_000);
    server.blob = (_, response) => void response.end('abc');
    await server.start();
    await until('connected', 2);
    expect(await reply).toEqual({ ok: true });
    expect((await blob).length).toBe(3);
    expect(server.envelopes).toHaveLength(1);
  });

  it('but not when it was revoked', async () => {
    const { until, times } = await begin((server) => {
      server.refuseWith = 'REVOKED';
    });
    await until('failed REVOKED');
    expect(times('connected')).toBe(0);
  });
});

it('a clock an hour off is told once, and changes nothing', async () => {
  const { server, until, times } = await begin((fake) => {
    fake.skewMs = 3_600_000;
  });
  await until('connected');
  server.cut();
  await until('connected', 2);
  expect(times('CLOCK_SKEW')).toBe(1);
});

describe('a blob', () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  const hash = createHash('sha256').update(bytes).digest('hex');

  it('goes on where the connection broke', async () => {
    const { server, transport, until } = await begin();
    await until('connected');
    const ranges: (string | undefined)[] = [];
    server.blob = (request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.statusCode = from === 0 ? 200 : 206;
      response.setHeader('content-length', bytes.length - from);
      if (from > 0) response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
      if (ranges.length === 3) return void response.end(bytes.subarray(from));
      // A third arrives, then the network is gone.
      response.write(bytes.subarray(from, from + 100_000), () => setTimeout(() => response.socket?.destroy(), 50));
    };
    expect(Buffer.from(await transport.fetchBlob(hash)).equals(bytes)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
  });

  it('is fetched whole again when the rest does not belong to what was there', async () => {
    const { server, transport, until } = await begin();
    await until('connected');
    const ranges: (string | undefined)[] = [];
    server.blob = (request, response) => {
      ranges.push(request.headers.range);
      if (ranges.length === 3) return void response.end(bytes);
      if (ranges.length === 2) {
        const rest = Buffer.alloc(bytes.length - 100_000, 7);
        response.writeHead(206, { 'content-range': `bytes 100000-${bytes.length - 1}/${bytes.length}` });
        return void response.end(rest);
      }
      response.setHeader('content-length', bytes.length);
      response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.socket?.destroy(), 50));
    };
    expect(Buffer.from(await transport.fetchBlob(hash)).equals(bytes)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  it('that the coordinator does not have is said to be missing', async () => {
    const { server, transport, until } = await begin();
    await until('connected');
    server.blob = (_, response) => void response.writeHead(404).end('{"code":"NOT_FOUND","message":"none","cure":""}');
    await expect(transport.fetchBlob(hash)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
