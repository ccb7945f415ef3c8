import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import type { ErrorCode } from '@sotto/shared/errors';
import { exampleClients } from '@sotto/shared/plan/testing';
import { clientPaths, clientSocket, verifySignIn, type ServerMessage } from '@sotto/shared/protocol';
import { fromHex } from '@sotto/shared/vector';
import { Server as SocketServer } from 'socket.io';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createNodeClock } from './node-clock.ts';
import { createNodeTransport, type NodeTransport } from './node-transport.ts';

const crypto = createNodeCrypto();
const [member] = exampleClients(1);
const { client, identity, seed } = member!;

/** What a coordinator does on the wire, in so far as a transport sees it. */
class FakeCoordinator {
  tokens = new Set<string>();
  signIns = 0;
  refuseWith: ErrorCode | null = null;
  skewMs = 0;
  envelopes: unknown[] = [];
  blob: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end();
  port = 0;
  #http: Server | null = null;
  #sockets: SocketServer | null = null;

  async start(): Promise<void> {
    const http = createServer((request, response) => void this.#answer(request, response));
    const sockets = new SocketServer(http, { transports: ['websocket'], serveClient: false });
    const clients = sockets.of(clientSocket.namespace);
    clients.use((socket, next) => {
      const token = String(socket.handshake.auth['token']);
      const data = { code: 'UNAUTHENTICATED', message: 'the token is unknown or too old' };
      next(this.tokens.has(token) ? undefined : Object.assign(new Error(data.code), { data }));
    });
    clients.on('connection', (socket) => {
      socket.on(clientSocket.envelope, (envelope: unknown, acknowledge: (reply: unknown) => void) => {
        this.envelopes.push(envelope);
        acknowledge({ ok: true });
      });
    });
    http.listen(this.port, '127.0.0.1');
    await once(http, 'listening');
    this.port = (http.address() as AddressInfo).port;
    this.#http = http;
    this.#sockets = sockets;
  }

  async stop(): Promise<void> {
    this.#http?.closeAllConnections();
    await this.#sockets?.close();
    this.tokens.clear();
  }

  /** Ends all sockets as a lost network does. */
  cut(): void {
    for (const socket of this.#sockets?.of(clientSocket.namespace).sockets.values() ?? []) socket.conn.close();
  }

  send(message: ServerMessage): void {
    this.#sockets?.of(clientSocket.namespace).emit(clientSocket.message, message);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fail = (status: number, code: string): void => {
      response.statusCode = status;
      response.end(JSON.stringify({ code, message: code, cure: '' }));
    };
    if (request.url === clientPaths.challenge) {
      response.end(JSON.stringify({ nonce: 'ab'.repeat(32), now: new Date(Date.now() + this.skewMs).toISOString() }));
    } else if (request.url === clientPaths.signIn) {
      if (this.refuseWith !== null) return fail(403, this.refuseWith);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { nonce, signature } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      if (!(await verifySignIn(identity, nonce!, signature!, crypto))) return fail(401, 'UNAUTHENTICATED');
      this.signIns += 1;
      const token = `token-number-${this.signIns}-of-this-server`;
      this.tokens.add(token);
      response.end(JSON.stringify({ token, expiresAt: new Date(Date.now() + 60_000).toISOString() }));
    } else if (!this.tokens.has(String(request.headers.authorization).slice('Bearer '.length))) {
      fail(401, 'UNAUTHENTICATED');
    } else this.blob(request, response);
  }
}

const running: { server: FakeCoordinator; transport: NodeTransport }[] = [];
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
