import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import type { ErrorCode } from '@sotto/shared/errors';
import { exampleClients } from '@sotto/shared/plan/testing';
import {
  clientIdOf,
  clientPaths,
  clientSocket,
  enrolRequestSchema,
  signInRequestSchema,
  verifySignIn,
  type ServerMessage,
} from '@sotto/shared/protocol';
import { Server as SocketServer } from 'socket.io';

const crypto = createNodeCrypto();

/** What a coordinator does on the wire, in so far as a transport sees it. */
export class FakeCoordinator {
  /** Identity key of the one client that it knows, hex; the one that enrols last. */
  identity = exampleClients(1)[0]!.identity;
  enrolments = 0;
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
    if (request.url === clientPaths.enrol) {
      const { certificate } = enrolRequestSchema.parse(await bodyOf(request));
      this.identity = certificate.identity;
      this.enrolments += 1;
      response.end(JSON.stringify({ client: clientIdOf(certificate.identity) }));
    } else if (request.url === clientPaths.challenge) {
      response.end(JSON.stringify({ nonce: 'ab'.repeat(32), now: new Date(Date.now() + this.skewMs).toISOString() }));
    } else if (request.url === clientPaths.signIn) {
      if (this.refuseWith !== null) return fail(403, this.refuseWith);
      const { nonce, signature } = signInRequestSchema.parse(await bodyOf(request));
      if (!(await verifySignIn(this.identity, nonce, signature, crypto))) return fail(401, 'UNAUTHENTICATED');
      this.signIns += 1;
      const token = `token-number-${this.signIns}-of-this-server`;
      this.tokens.add(token);
      response.end(JSON.stringify({ token, expiresAt: new Date(Date.now() + 60_000).toISOString() }));
    } else if (!this.tokens.has(String(request.headers.authorization).slice('Bearer '.length))) {
      fail(401, 'UNAUTHENTICATED');
    } else this.blob(request, response);
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
