import { clientSocket } from '@sotto/shared/protocol';
import { SottoError } from '@sotto/shared/errors';
import { io, type Socket } from 'socket.io-client';
import { errorOfAnswer } from './coordinator-http.ts';

export type LineHandlers = { opened(): void; received(value: unknown): void };

/** One connection of the control channel, used once. */
export type SocketLine = {
  /** Opens it; resolves when it has ended. @throws {SottoError} with the coordinator's reason, or {UNREACHABLE}, when it did not open. */
  run(handlers: LineHandlers): Promise<void>;
  /** What the other end answers to an envelope; null when the line ends before, or nothing comes within `timeoutMs`. */
  ask(envelope: unknown, timeoutMs: number): Promise<unknown>;
  close(): void;
};

/**
 * A line over socket.io, which neither connects again nor recovers by itself: both are the transport's, its one owner.
 *
 * @param token - of the sign-in.
 * @param agent - Node's, with the pinned certificate; absent in a browser.
 */
export function createSocketLine(coordinator: string, token: string, agent?: unknown): SocketLine {
  const socket = io(new URL(clientSocket.namespace, coordinator).href, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    autoConnect: false,
    auth: { token },
    // The typing knows strings only; the websocket of Node takes the agent.
    ...(agent === undefined ? {} : { agent: agent as string }),
  });
  return {
    run: (handlers) => run(socket, coordinator, handlers),
    async ask(envelope, timeoutMs) {
      if (!socket.connected) return null;
      let ended = (): void => undefined;
      const lost = new Promise<null>((resolve) => {
        ended = () => resolve(null);
        socket.once('disconnect', ended);
      });
      const answer: Promise<unknown> = socket.timeout(timeoutMs).emitWithAck(clientSocket.envelope, envelope);
      try {
        return await Promise.race([answer, lost]);
      } catch {
        return null;
      } finally {
        socket.off('disconnect', ended);
      }
    },
    close: () => void socket.disconnect(),
  };
}

async function run(socket: Socket, coordinator: string, handlers: LineHandlers): Promise<void> {
  socket.on(clientSocket.message, (value: unknown) => handlers.received(value));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => handlers.opened());
      socket.once('connect_error', (error) => reject(connectFailure(error, coordinator)));
      socket.once('disconnect', () => resolve());
      socket.connect();
    });
  } finally {
    socket.disconnect();
    socket.removeAllListeners();
  }
}

/** The coordinator's reason for refusing a connection, or that there was none. */
function connectFailure(error: Error, coordinator: string): SottoError {
  const data: unknown = 'data' in error ? error.data : null;
  if (typeof data === 'object' && data !== null && 'code' in data) {
    return errorOfAnswer(401, { code: data.code, message: error.message }, clientSocket.namespace);
  }
  return new SottoError('UNREACHABLE', `${coordinator}: ${error.message}`);
}
