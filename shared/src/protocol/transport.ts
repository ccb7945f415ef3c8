import type { Upload } from '../secure-sum/messages.ts';
import type { ClientMessage, Reply, ServerMessage } from './control.ts';
import type { Heard } from './heard.ts';

/** How the coordinator's driver reaches clients: over sockets, or through the simulator's network. Never throws. */
export type CoordinatorTransport = {
  /** Sends if the client is connected; otherwise drops (the driver sends what was not heard again on connection). */
  send(client: string, message: ServerMessage, mark: Heard): void;
};

/** How a client's driver reaches the coordinator. Retries with the same idempotency key until answered or `signal` aborts. */
export type ClientTransport = {
  send(message: ClientMessage, signal?: AbortSignal): Promise<Reply>;
  /** Content-addressed bytes. The caller checks the hash. @throws {NOT_FOUND} {UNREACHABLE} */
  fetchBlob(hash: string, signal?: AbortSignal): Promise<Uint8Array>;
  /** Sends a vector's bytes with what is signed about them; where a connection breaks, only what is missing follows. */
  upload(upload: Upload, vector: Uint8Array, signal?: AbortSignal): Promise<Reply>;
};

/** Time, passed in: the wall clock at the edge, a virtual one in simulation. */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `action` once after `ms`; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
};
