import { createHash, randomInt, randomUUID } from 'node:crypto';
import { isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';
import {
  blobMaxBytes,
  clientPaths,
  clientSocket,
  controlMessageMaxBytes,
  replySchema,
  serverMessageSchema,
  uploadHeader,
  type ClientMessage,
  type ClientTransport,
  type Clock,
  type Reply,
  type ServerMessage,
} from '@sotto/shared/protocol';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { io, type Socket } from 'socket.io-client';
import { backOffMs, pause } from './back-off.ts';
import { createCoordinatorHttp, errorOfAnswer, parseJson, type CoordinatorHttp } from './coordinator-http.ts';
import { createPartialBody, type PartialBody } from './partial-body.ts';
import { signIn, skewWarning, type SignedIn } from './sign-in.ts';

/** What a node's transport tells its owner. */
export type TransportHandlers = {
  received(message: ServerMessage): void;
  connected(): void;
  disconnected(): void;
  /** Something went wrong and is tried again. */
  retrying(code: ErrorCode, reason: string): void;
  /** Trying again cannot help: another server, or a revoked identity. */
  failed(error: SottoError): void;
};

export type NodeTransport = ClientTransport & {
  /** Signs in and stays connected until closed. */
  start(handlers: TransportHandlers): void;
  close(): Promise<void>;
};

export type NodeTransportOptions = {
  readonly coordinator: string;
  readonly tlsFingerprint: string | null;
  readonly identity: SumIdentity;
  readonly clock: Clock;
};

/** Longest wait for the answer to one envelope before it is sent again under the same key, in milliseconds. */
const answerMs = 10_000;

/** Failures that no repetition mends. */
const final: ReadonlySet<ErrorCode> = new Set([
  'TLS_MISMATCH',
  'REVOKED',
  'CERTIFICATE_INVALID',
  'FORBIDDEN',
  'PROTOCOL_VERSION',
]);

/** A node's way to its coordinator: control messages over a websocket, models and vectors over HTTP, all on pinned TLS. */
export function createNodeTransport(options: NodeTransportOptions): NodeTransport {
  return new Transport(options, createCoordinatorHttp(options.coordinator, options.tlsFingerprint));
}

class Transport implements NodeTransport {
  readonly #options: NodeTransportOptions;
  readonly #http: CoordinatorHttp;
  readonly #closing = new AbortController();
  #signedIn: SignedIn | null = null;
  #signingIn: Promise<SignedIn> | null = null;
  #socket: Socket | null = null;
  #waiting: (() => void)[] = [];
  #loop: Promise<void> = Promise.resolve();

  constructor(options: NodeTransportOptions, http: CoordinatorHttp) {
    this.#options = options;
    this.#http = http;
  }

  start(handlers: TransportHandlers): void {
    this.#loop = this.#stayConnected(handlers);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#socket?.disconnect();
    this.#wake();
    await this.#loop;
    this.#http.close();
  }

  async send(message: ClientMessage, signal?: AbortSignal): Promise<Reply> {
    const either = this.#either(signal);
    const envelope = { key: randomUUID(), message };
    while (!either.aborted) {
      const socket = await this.#connected(either);
      if (socket === null) break;
      const answer = await this.#ask(socket, envelope, either);
      if (answer !== null) return answer;
      await pause(backOffMs(0, uniform()), either);
    }
    throw new SottoError('CANCELLED', `${message.type}: stopped before it was answered`);
  }

  /** Goes on where a broken connection ended. Whoever asked checks the hash; where answers were put together it is checked here too. */
  async fetchBlob(hash: string, signal?: AbortSignal): Promise<Uint8Array> {
    const path = clientPaths.blob(hash);
    const partial = createPartialBody();
    return this.#retried(path, signal, async (either) => {
      const headers = partial.headers();
      const answer = await this.#authorized({ method: 'GET', path, headers, maxBytes: blobMaxBytes, partial }, either);
      if (answer.status === 200) return answer.body;
      const found = answer.status === 206 ? createHash('sha256').update(answer.body).digest('hex') : null;
      if (partial.resumed && found === hash) return answer.body;
      const begun = partial.length > 0;
      partial.clear();
      if (!begun) throw errorOfAnswer(answer.status, parseJson(answer.body), path);
      throw new SottoError(
        'UNREACHABLE',
        `${path}: the rest did not fit to what was there (${answer.status}); all of it again`,
      );
    });
  }

  /** Sends the whole vector again when no answer came: the coordinator counts it once and repeats its first answer. */
  async upload(
    message: Parameters<ClientTransport['upload']>[0],
    vector: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const path = clientPaths.vector(message.sessionId);
    const headers = { 'content-type': 'application/octet-stream', [uploadHeader]: JSON.stringify(message) };
    return this.#retried(path, signal, async (either) => {
      const answer = await this.#authorized(
        { method: 'PUT', path, headers, body: vector, maxBytes: controlMessageMaxBytes },
        either,
      );
      const value = parseJson(answer.body);
      const reply = replySchema.safeParse(value);
      if (reply.success) return reply.data;
      const error = errorOfAnswer(answer.status, value, path);
      if (passing(error)) throw error;
      return { ok: false, code: error.code, message: error.message };
    });
  }

  async #stayConnected(handlers: TransportHandlers): Promise<void> {
    const { signal } = this.#closing;
    let warned = false;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const signedIn = await this.#signIn(true);
        const warning = skewWarning(signedIn.skewMs);
        if (warning !== null && !warned) handlers.retrying('CLOCK_SKEW', warning);
        warned ||= warning !== null;
        await this.#serve(signedIn.token, handlers, () => {
          attempt = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        const failure = isSottoError(error) ? error : new SottoError('UNREACHABLE', String(error));
        if (final.has(failure.code)) {
          handlers.failed(failure);
          return;
        }
        handlers.retrying(failure.code, failure.message);
      }
      await pause(backOffMs(attempt, uniform()), signal);
    }
  }

  /** One connection, from its opening to its end. */
  async #serve(token: string, handlers: TransportHandlers, opened: () => void): Promise<void> {
    const socket = io(new URL(clientSocket.namespace, this.#options.coordinator).href, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      autoConnect: false,
      auth: { token },
      // The typing knows strings only; the websocket of Node takes the agent, and with it the pinned certificate.
      agent: this.#http.agent as unknown as string,
    });
    socket.on(clientSocket.message, (value: unknown) => {
      const parsed = serverMessageSchema.safeParse(value);
      if (parsed.success) handlers.received(parsed.data);
      else
        handlers.retrying(
          'MESSAGE_INVALID',
          'the coordinator sent a message that is not of the protocol; it was ignored',
        );
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', () => {
          opened();
          this.#socket = socket;
          this.#wake();
          handlers.connected();
        });
        socket.once('connect_error', (error) => reject(connectFailure(error, this.#options.coordinator)));
        socket.once('disconnect', () => resolve());
        this.#closing.signal.addEventListener('abort', () => resolve(), { once: true });
        socket.connect();
      });
    } finally {
      const wasConnected = this.#socket === socket;
      this.#socket = null;
      socket.disconnect();
      socket.removeAllListeners();
      if (wasConnected && !this.#closing.signal.aborted) handlers.disconnected();
    }
  }

  /** One answer to one envelope; null when none came and it must be sent again. */
  async #ask(
    socket: Socket,
    envelope: { key: string; message: ClientMessage },
    signal: AbortSignal,
  ): Promise<Reply | null> {
    try {
      const stopped = new Promise<null>((resolve) => {
        signal.addEventListener('abort', () => resolve(null), { once: true });
        socket.once('disconnect', () => resolve(null));
      });
      const answer: unknown = await Promise.race([
        socket.timeout(answerMs).emitWithAck(clientSocket.envelope, envelope),
        stopped,
      ]);
      const reply = replySchema.safeParse(answer);
      return reply.success ? reply.data : null;
    } catch {
      return null;
    }
  }

  async #connected(signal: AbortSignal): Promise<Socket | null> {
    while (!signal.aborted) {
      if (this.#socket !== null) return this.#socket;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return null;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Repeats while the coordinator cannot be reached. */
  async #retried<T>(
    path: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const either = this.#either(signal);
    for (let attempt = 0; !either.aborted; attempt++) {
      try {
        return await work(either);
      } catch (error) {
        if (either.aborted) break;
        if (!passing(error)) throw error;
      }
      await pause(backOffMs(attempt, uniform()), either);
    }
    throw new SottoError('CANCELLED', `${path}: stopped before it was answered`);
  }

  /** A request with a token; signs in anew when the coordinator no longer takes it. */
  async #authorized(
    request: {
      method: 'GET' | 'PUT';
      path: string;
      headers?: Readonly<Record<string, string>>;
      body?: Uint8Array;
      maxBytes: number;
      partial?: PartialBody;
    },
    signal: AbortSignal,
  ) {
    const send = async (fresh: boolean) => {
      const { token } = await this.#signIn(fresh);
      return this.#http.request({
        ...request,
        headers: { ...request.headers, authorization: `Bearer ${token}` },
        signal,
      });
    };
    const answer = await send(false);
    return answer.status === 401 ? send(true) : answer;
  }

  #signIn(fresh: boolean): Promise<SignedIn> {
    const { clock, identity } = this.#options;
    const known = this.#signedIn;
    if (!fresh && known !== null) return Promise.resolve(known);
    this.#signingIn ??= signIn(this.#http, identity, clock)
      .then((signedIn) => {
        this.#signedIn = signedIn;
        return signedIn;
      })
      .finally(() => {
        this.#signingIn = null;
      });
    return this.#signingIn;
  }

  #either(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }
}

/** Whether it helps to ask again. */
function passing(error: unknown): boolean {
  return (
    isSottoError(error, 'UNREACHABLE') || isSottoError(error, 'UNAUTHENTICATED') || isSottoError(error, 'RATE_LIMITED')
  );
}

/** The coordinator's reason for refusing a connection, or that there was none. */
function connectFailure(error: Error, coordinator: string): SottoError {
  const data: unknown = 'data' in error ? error.data : null;
  if (typeof data === 'object' && data !== null && 'code' in data) {
    return errorOfAnswer(401, { code: data.code, message: error.message }, clientSocket.namespace);
  }
  return new SottoError('UNREACHABLE', `${coordinator}: ${error.message}`);
}

function uniform(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
