import type { Server } from 'node:http';
import { isSottoError } from '@sotto/shared/errors';
import { controlMessageMaxBytes, type CoordinatorTransport, type Reply } from '@sotto/shared/protocol';
import { Server as SocketServer, type Socket } from 'socket.io';
import type { Access } from '../http/access.ts';
import { originOf } from '../http/allowed-origins.ts';
import type { RunDriver, RunLog } from '../runs/ports.ts';

/** The control channel. Made before the driver, which needs its transport; `attach` joins them. */
export type Sockets = {
  readonly transport: CoordinatorTransport;
  /** @param allowedOrigins - besides the coordinator's own, whose pages may be clients. */
  attach(server: Server, driver: RunDriver, access: Access, allowedOrigins: ReadonlySet<string>): void;
  /** Ends the connections of clients that were revoked. */
  disconnect(clients: readonly string[]): void;
  close(): Promise<void>;
};

/**
 * socket.io as the control channel: namespace `/clients` carries a `ServerMessage` as event `message` and a `ClientEnvelope` as
 * event `envelope`, acknowledged by a `Reply`; namespace `/live` sends `status` to operators and viewers. What was missed is
 * sent again from the run's state on connection, not by socket.io's recovery, which does not survive a killed server.
 */
export function createSockets(log: RunLog): Sockets {
  const connections = new Map<string, Socket>();
  let server: SocketServer | null = null;
  let stopListening = () => {};

  return {
    transport: {
      send(client, message) {
        connections.get(client)?.emit('message', message);
      },
    },
    attach(httpServer, driver, access, allowedOrigins) {
      server = new SocketServer(httpServer, {
        transports: ['websocket'],
        serveClient: false,
        perMessageDeflate: false,
        maxHttpBufferSize: controlMessageMaxBytes,
        pingInterval: 10_000,
        pingTimeout: 20_000,
        // Browsers let any page open a socket anywhere and say only whose page it is.
        allowRequest: ({ headers }, answer) => {
          const foreign = originOf(headers, allowedOrigins) === 'foreign';
          answer(foreign ? 'pages of this origin may not be clients here' : null, !foreign);
        },
      });
      const clients = server.of('/clients');
      clients.use((socket, next) => {
        authenticate(access, socket, next, (caller) => {
          if (caller.kind !== 'client') return false;
          socket.data.client = caller.client;
          return true;
        });
      });
      clients.on('connection', (socket) => {
        const client: string = socket.data.client;
        // The newest connection is the client's; an older one is a leftover of a lost network.
        const older = connections.get(client);
        connections.set(client, socket);
        older?.disconnect(true);
        socket.on('envelope', (envelope: unknown, acknowledge: unknown) => {
          if (typeof acknowledge !== 'function') return;
          driver.received(client, envelope).then(
            (reply) => acknowledge(reply),
            (error: unknown) => {
              log.error({ client }, error instanceof Error ? error.message : String(error));
              const reply: Reply = { ok: false, code: 'INTERNAL', message: 'the coordinator failed; its log says why' };
              acknowledge(reply);
            },
          );
        });
        socket.on('disconnect', () => {
          if (connections.get(client) !== socket) return;
          connections.delete(client);
          driver.clientDisconnected(client);
        });
        driver.clientConnected(client);
      });
      const live = server.of('/live');
      live.use((socket, next) => {
        // Allowed origins are allowed to be clients, nothing else.
        const ownPage = originOf(socket.handshake.headers, new Set()) !== 'foreign';
        authenticate(access, socket, next, (caller) => ownPage && caller.kind !== 'client');
      });
      live.on('connection', (socket) => {
        for (const status of driver.statuses()) socket.emit('status', status);
      });
      stopListening = driver.onStatus((status) => live.emit('status', status));
    },
    disconnect(revoked) {
      for (const client of revoked) connections.get(client)?.disconnect(true);
    },
    async close() {
      stopListening();
      await server?.close();
    },
  };
}

function authenticate(
  access: Access,
  socket: Socket,
  next: (error?: Error) => void,
  admit: (caller: ReturnType<Access['callerOf']>) => boolean,
): void {
  const token: unknown = socket.handshake.auth.token;
  try {
    const caller = access.callerOf(typeof token === 'string' ? token : undefined);
    if (admit(caller)) return next();
    next(Object.assign(new Error('FORBIDDEN'), { data: { code: 'FORBIDDEN', message: 'not for this caller' } }));
  } catch (error) {
    const data = isSottoError(error) ? error.toJSON() : { code: 'INTERNAL', message: 'failed', cure: '' };
    next(Object.assign(new Error(data.code), { data }));
  }
}
