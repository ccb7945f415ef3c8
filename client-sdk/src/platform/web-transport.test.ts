import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { exampleClients } from '@sotto/shared/plan/testing';
import { fromHex } from '@sotto/shared/vector';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { createNodeClock } from './node-clock.ts';
import type { Transport } from './transport.ts';
import { createWebHttp } from './web-http.ts';
import { createWebTransport } from './web-transport.ts';

const crypto = createNodeCrypto();
const { client, seed } = exampleClients(1)[0]!;
let server: FakeCoordinator;
let transport: Transport;
let told: string[];

beforeEach(async () => {
  server = new FakeCoordinator();
  await server.start();
  transport = createWebTransport({
    coordinator: `http://127.0.0.1:${server.port}`,
    identity: { client, sign: (message) => crypto.ed25519Sign(fromHex(seed), message) },
    clock: createNodeClock(),
  });
  told = [];
  transport.start({
    received: ({ type }) => told.push(type),
    connected: () => told.push('connected'),
    disconnected: () => told.push('disconnected'),
    retrying: (code) => told.push(code),
    failed: ({ code }) => told.push(`failed ${code}`),
  });
});
afterEach(async () => {
  await transport.close();
  await server.stop();
});
const until = (what: string, count = 1) =>
  vi.waitFor(() => expect(told.filter((name) => name === what)).toHaveLength(count), 10_000);

it('needs nothing that only Node has: it can be built for a browser, which no node: import can', async () => {
  const entryPoints = ['web-transport.ts', 'web-http.ts'].map((file) =>
    fileURLToPath(new URL(`./${file}`, import.meta.url)),
  );
  const { errors, metafile } = await build({
    entryPoints,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['source'],
    write: false,
    outdir: 'unused',
    metafile: true,
    logLevel: 'silent',
  });
  expect(errors).toEqual([]);
  expect(Object.keys(metafile.inputs).filter((path) => /\/node-[^/]*\.ts$/.test(path))).toEqual([]);
});

describe('the browser’s transport', () => {
  it('signs in, sends, is sent to, and comes back by itself', async () => {
    await until('connected');
    expect(await transport.send({ type: 'runAccept', runId: 'cd'.repeat(16) })).toEqual({ ok: true });
    server.cut();
    await until('connected', 2);
    server.send({
      type: 'runEnded',
      runId: 'cd'.repeat(16),
      outcome: 'finished',
      modelHash: 'ab'.repeat(32),
      reason: null,
    });
    await until('runEnded');
  });

  it('goes on with a blob where the connection broke', async () => {
    await until('connected');
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
    const ranges: (string | undefined)[] = [];
    server.blob = (request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.statusCode = from === 0 ? 200 : 206;
      response.setHeader('content-length', bytes.length - from);
      if (from > 0) response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
      if (ranges.length === 2) return void response.end(bytes.subarray(from));
      response.write(bytes.subarray(from, from + 100_000), () => setTimeout(() => response.socket?.destroy(), 50));
    };
    const found = await transport.fetchBlob(createHash('sha256').update(bytes).digest('hex'));
    expect(Buffer.from(found).equals(bytes)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-']);
  });
});

describe('createWebHttp', () => {
  it('takes no more than was asked for, and says what went wrong', async () => {
    await until('connected');
    server.blob = (_, response) => void response.end('x'.repeat(1_000));
    const authorization = `Bearer ${[...server.tokens][0]}`;
    const http = createWebHttp(`http://127.0.0.1:${server.port}`);
    const get = (maxBytes: number, signal?: AbortSignal) =>
      http.request({ method: 'GET', path: '/v1/blobs/a', headers: { authorization }, maxBytes, signal });
    expect((await get(1_000)).body).toHaveLength(1_000);
    await expect(get(999)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await expect(get(1_000, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    const nobody = createWebHttp('http://127.0.0.1:1');
    await expect(nobody.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(() => createWebHttp('ftp://a.example')).toThrow(/http/);
    http.close();
    await expect(get(1_000)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
