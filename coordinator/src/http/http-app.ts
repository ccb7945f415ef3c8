import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { CryptoPort } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { protocolVersion, type Clock } from '@sotto/shared/protocol';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance } from 'fastify';
import type { RunDriver, RunLog } from '../runs/ports.ts';
import type { Blobs, Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { allowOrigins } from './allowed-origins.ts';
import { clientRoutes } from './client-routes.ts';
import { answerError } from './http-errors.ts';
import { operatorRoutes } from './operator-routes.ts';
import { staticFiles } from './static-files.ts';

export type HttpInput = {
  readonly driver: RunDriver;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly access: Access;
  readonly clock: Clock;
  readonly crypto: CryptoPort;
  readonly log: RunLog;
  /** Ed25519 public key of the pinned authority, hex; null: nobody can enrol. */
  readonly authority: string | null;
  readonly version: string;
  /** PEM texts; null: plain HTTP, for tests. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Folder of the exported dashboard; null: none is served. */
  readonly dashboard: string | null;
  /** Origins besides its own whose pages may be clients. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Bytes of uploads that are in memory at a time; a single one has room however large it is. */
  readonly uploadRoomBytes: number;
  /** Connections of revoked clients end. */
  readonly onRevoked: (clients: readonly string[]) => void;
};

/** How long a request may take to arrive whole: longer than any plan lets clients upload. */
const requestTimeoutMs = 86_400_000;

/** The HTTP side of the wire: routes, limits, headers. */
export async function createHttpApp(input: HttpInput): Promise<{ app: FastifyInstance; server: Server }> {
  const { tls } = input;
  let server: Server | undefined;
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: 65_536,
    routerOptions: { maxParamLength: 128 },
    serverFactory: (handler) => {
      server = tls === null ? createHttpServer(handler) : createHttpsServer({ ...tls, minVersion: 'TLSv1.3' }, handler);
      // Uploads wait for room with their bodies unread; Node's five minutes would end them. Fastify's own option is not for a server that it
      // is given.
      server.requestTimeout = requestTimeoutMs;
      return server;
    },
  });
  app.setErrorHandler(answerError(input.log));
  app.setNotFoundHandler((request) => {
    throw new SottoError('NOT_FOUND', `there is no ${request.method} ${request.url.slice(0, 200)}`);
  });
  app.addHook('onRequest', async (_request, reply) => {
    void reply.headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      ...(tls === null ? {} : { 'strict-transport-security': 'max-age=31536000' }),
    });
  });
  // Routes that a stranger may use take part by `rateLimit` in their config; counted in memory, per address.
  await app.register(rateLimit, {
    global: false,
    timeWindow: 60_000,
    errorResponseBuilder: (request, { max }) =>
      new SottoError('RATE_LIMITED', `${request.ip}: more than ${max} requests in a minute`),
  });
  app.get('/v1/health', async () => ({ ok: true }));
  app.get('/v1/info', async () => ({
    name: 'sotto',
    version: input.version,
    protocol: protocolVersion,
    authority: input.authority,
    now: input.clock.now(),
  }));
  // The operator's routes stay outside: no page of another origin may use them.
  await app.register(async (scope) => {
    allowOrigins(scope, input.allowedOrigins);
    clientRoutes(scope, input);
  });
  operatorRoutes(app, input);
  if (input.dashboard !== null) await staticFiles(app, input.dashboard);
  await app.ready();
  if (server === undefined) throw new SottoError('INTERNAL', 'the HTTP server was not made');
  return { app, server };
}
