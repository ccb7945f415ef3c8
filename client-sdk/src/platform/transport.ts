import { isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';
import {
  blobMaxBytes,
  clientPaths,
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
import { toHex } from '@sotto/shared/vector';
import { backOffMs, pause } from './back-off.ts';
import { errorOfAnswer, parseJson, type CoordinatorHttp } from './coordinator-http.ts';
import { createPartialBody, type PartialBody } from './partial-body.ts';
import { signIn, skewWarning, type SignedIn } from './sign-in.ts';
import type { SocketLine } from './socket-line.ts';

/** What a transport tells its owner. */
export type TransportHandlers = {
  received(message: ServerMessage): void;
  connected(): void;
  disconnected(): void;
  /** Something went wrong and is tried again. */
  retrying(code: ErrorCode, reason: string): void;
  /** Trying again cannot help: another server, or a revoked identity. */
  failed(error: SottoError): void;
};

export type Transport = ClientTransport & {
  /** Signs in and stays connected until closed. */
  start(handlers: TransportHandlers): void;
  close(): Promise<void>;
};

/** What a transport needs of its platform. */
export type TransportPorts = {
  readonly identity: SumIdentity;
  readonly clock: Clock;
  readonly http: CoordinatorHttp;
  /** A connection of the control channel that is not open yet. */
  readonly openLine: (token: string) => SocketLine;
  readonly sha256: (bytes: Uint8Array) => Promise<Uint8Array>;
  /** Uniform in [0, 1); spreads the moments at which clients come back, keeps no secret. */
  readonly uniform: () => number;
  /** A fresh name for an envelope. */
  readonly uuid: () => string;
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

/**
 * A client's way to its coordinator: control messages over one socket, models and vectors over HTTP. It is the socket's one owner: it
 * signs in, opens, waits and opens again, and nobody else does. No built-in module of a platform: `node-transport.ts` and
 * `web-transport.ts` bring what it needs.
 */
export function createTransport(ports: TransportPorts): Transport {
  return new OwnedTransport(ports);
}

class OwnedTransport implements Transport {
  readonly #ports: TransportPorts;
  readonly #closing = new AbortController();
  #signedIn: SignedIn | null = null;
  #signingIn: Promise<SignedIn> | null = null;
  #line: SocketLine | null = null;
  #waiting: (() => void)[] = [];
  #loop: Promise<void> = Promise.resolve();

  constructor(ports: TransportPorts) {
    this.#ports = ports;
  }

  start(handlers: TransportHandlers): void {
    this.#loop = this.#stayConnected(handlers);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#line?.close();
    this.#wake();
    await this.#loop;
    this.#ports.http.close();
  }

  async send(message: ClientMessage, signal?: AbortSignal): Promise<Reply> {
    const either = this.#either(signal);
    const envelope = { key: this.#ports.uuid(), message };
    while (!either.aborted) {
      const line = await this.#connected(either);
      if (line === null) break;
      const answer = replySchema.safeParse(await this.#unlessStopped(line.ask(envelope, answerMs), either));
      if (answer.success) return answer.data;
      await this.#pause(0, either);
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
      const found = answer.status === 206 ? toHex(await this.#ports.sha256(answer.body)) : null;
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
      await this.#pause(attempt, signal);
    }
  }

  /** One connection, from its opening to its end. */
  async #serve(token: string, handlers: TransportHandlers, opened: () => void): Promise<void> {
    const { signal } = this.#closing;
    const line = this.#ports.openLine(token);
    const close = (): void => line.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      await this.#unlessStopped(
        line.run({
          opened: () => {
            if (signal.aborted) return;
            opened();
            this.#line = line;
            this.#wake();
            handlers.connected();
          },
          received: (value) => {
            const parsed = serverMessageSchema.safeParse(value);
            if (parsed.success) handlers.received(parsed.data);
            else
              handlers.retrying(
                'MESSAGE_INVALID',
                'the coordinator sent a message that is not of the protocol; it was ignored',
              );
          },
        }),
        signal,
      );
    } finally {
      signal.removeEventListener('abort', close);
      const wasConnected = this.#line === line;
      this.#line = null;
      line.close();
      if (wasConnected && !signal.aborted) handlers.disconnected();
    }
  }

  async #connected(signal: AbortSignal): Promise<SocketLine | null> {
    while (!signal.aborted) {
      if (this.#line !== null) return this.#line;
      await this.#unlessStopped(new Promise<void>((resolve) => this.#waiting.push(resolve)), signal);
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
      await this.#pause(attempt, either);
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
      return this.#ports.http.request({
        ...request,
        headers: { ...request.headers, authorization: `Bearer ${token}` },
        signal,
      });
    };
    const answer = await send(false);
    return answer.status === 401 ? send(true) : answer;
  }

  #signIn(fresh: boolean): Promise<SignedIn> {
    const { clock, http, identity } = this.#ports;
    const known = this.#signedIn;
    if (!fresh && known !== null) return Promise.resolve(known);
    this.#signingIn ??= signIn(http, identity, clock)
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

  #pause(attempt: number, signal: AbortSignal): Promise<void> {
    return pause(this.#ports.clock, backOffMs(attempt, this.#ports.uniform()), signal);
  }

  /** What the work comes to, or null as soon as the signal aborts. */
  #unlessStopped<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result | null> {
    return new Promise((resolve, reject) => {
      const stop = (): void => resolve(null);
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      work.finally(() => signal.removeEventListener('abort', stop)).then(resolve, reject);
    });
  }
}

/** Whether it helps to ask again. */
function passing(error: unknown): boolean {
  return (
    isSottoError(error, 'UNREACHABLE') || isSottoError(error, 'UNAUTHENTICATED') || isSottoError(error, 'RATE_LIMITED')
  );
}
