import { isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';
import {
  blobMaxBytes,
  clientPaths,
  comesAfter,
  controlMessageMaxBytes,
  heardRunsMax,
  heardSchema,
  replySchema,
  revocationListMaxBytes,
  revocationListSchema,
  serverMessageSchema,
  uploadHeader,
  uploadOffsetSchema,
  type ClientMessage,
  type ClientTransport,
  type Clock,
  type Heard,
  type Reply,
  type RevocationList,
  type ServerMessage,
} from '@sotto/shared/protocol';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';
import { backOffMs, pause } from './back-off.ts';
import {
  errorOfAnswer,
  parseJson,
  type CoordinatorHttp,
  type HttpAnswer,
  type HttpRequest,
} from './coordinator-http.ts';
import { createPartialBody } from './partial-body.ts';
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
  /**
   * The revocation list that the coordinator gives, not verified; null where it says that there is none.
   * @throws {MESSAGE_INVALID} when it gives something else.
   */
  fetchRevocations(): Promise<RevocationList | null>;
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
  readonly openLine: (token: string, heard: readonly Heard[]) => SocketLine;
  readonly sha256: (bytes: Uint8Array) => Promise<Uint8Array>;
  /** Uniform in [0, 1); spreads the moments at which clients come back, keeps no secret. */
  readonly uniform: () => number;
  /** A fresh name for an envelope. */
  readonly uuid: () => string;
};

/** A connection that the coordinator closes sooner than this, in milliseconds, does not count as one that worked. */
const steadyMs = 30_000;

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
 * signs in, opens, waits and opens again, and nobody else does. What is asked while the line is down waits for it; what the
 * client misses meanwhile comes afterwards, by the marks of what it has heard. No built-in module of a platform:
 * `node-transport.ts` and `web-transport.ts` bring what it needs.
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
  /** Ends with the open line. */
  #lineEnds = new AbortController();
  /** The greatest mark of each run, by its id, the newest one last. */
  readonly #heard = new Map<string, Heard>();
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
    return this.#retried(path, signal, async (either, progressed) => {
      const headers = partial.headers();
      const before = partial.length;
      const asked = this.#authorized({ method: 'GET', path, headers, maxBytes: blobMaxBytes, partial }, either);
      const answer = await asked.finally(() => {
        if (partial.length > before) progressed();
      });
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

  async fetchRevocations(): Promise<RevocationList | null> {
    const path = clientPaths.revocationList;
    return this.#retried(path, undefined, async (either) => {
      const answer = await this.#authorized({ method: 'GET', path, maxBytes: revocationListMaxBytes }, either);
      const value = parseJson(answer.body);
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw errorOfAnswer(answer.status, value, path);
      const list = revocationListSchema.safeParse(value);
      if (list.success) return list.data;
      throw new SottoError('MESSAGE_INVALID', `${path}: the coordinator gave what is no revocation list`);
    });
  }

  /** Where no answer came, only what the coordinator lacks is sent: it counts the vector once, and gives its answer again. */
  async upload(
    message: Parameters<ClientTransport['upload']>[0],
    vector: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const path = clientPaths.vector(message.sessionId);
    const named = { 'content-type': 'application/octet-stream', [uploadHeader]: JSON.stringify(message) };
    let from: number | null = null;
    return this.#retried(path, signal, async (either, progressed) => {
      const before: number = from ?? 0;
      from = from === null ? 0 : await this.#uploadOffset(path, vector.length, either);
      if (from > before) progressed();
      const headers = { ...named, ...rangeHeader(from, vector.length) };
      const body = vector.subarray(from);
      const answer = await this.#largePut(
        { method: 'PUT', path, headers, body, maxBytes: controlMessageMaxBytes },
        either,
      );
      const value = parseJson(answer.body);
      if (uploadOffsetSchema.safeParse(value).success) {
        throw new SottoError('UNREACHABLE', `${path}: the coordinator does not have the ${from} bytes before the rest`);
      }
      const reply = replySchema.safeParse(value);
      if (reply.success) return reply.data;
      const error = errorOfAnswer(answer.status, value, path);
      if (passing(error)) throw error;
      return { ok: false, code: error.code, message: error.message };
    });
  }

  /** The byte at which an upload goes on; its length where the coordinator awaits nothing more. */
  async #uploadOffset(path: string, length: number, signal: AbortSignal): Promise<number> {
    const answer = await this.#authorized({ method: 'GET', path, maxBytes: controlMessageMaxBytes }, signal);
    const value = parseJson(answer.body);
    const known = uploadOffsetSchema.safeParse(value);
    if (answer.status !== 200 || !known.success) throw errorOfAnswer(answer.status, value, path);
    return Math.min(length, known.data.offset ?? length);
  }

  /** A request whose body may take long to leave. Where nothing else tells that it does not get through, the socket's end does. */
  async #largePut(request: TokenRequest, signal: AbortSignal): Promise<HttpAnswer> {
    if (this.#ports.http.hearsSilence) return this.#authorized(request, signal);
    await this.#connected(signal);
    try {
      return await this.#authorized(request, AbortSignal.any([signal, this.#lineEnds.signal]));
    } catch (error) {
      if (signal.aborted || !isSottoError(error, 'CANCELLED')) throw error;
      throw new SottoError('UNREACHABLE', `${request.path}: the connection was lost`);
    }
  }

  async #stayConnected(handlers: TransportHandlers): Promise<void> {
    const { signal } = this.#closing;
    let warned = false;
    let attempt = 0;
    while (!signal.aborted) {
      const known = this.#signedIn;
      try {
        const signedIn = await this.#signIn(false);
        const warning = skewWarning(signedIn.skewMs);
        if (warning !== null && !warned) handlers.retrying('CLOCK_SKEW', warning);
        warned ||= warning !== null;
        attempt = (await this.#serve(signedIn.token, handlers)) ? attempt + 1 : 0;
      } catch (error) {
        if (signal.aborted) return;
        const failure = isSottoError(error) ? error : new SottoError('UNREACHABLE', String(error));
        if (known !== null && known === this.#signedIn) {
          // The coordinator may have been restarted, or be another: only a sign-in tells.
          this.#signedIn = null;
          if (failure.code === 'UNAUTHENTICATED') continue;
        }
        if (final.has(failure.code)) {
          handlers.failed(failure);
          return;
        }
        handlers.retrying(failure.code, failure.message);
        attempt += 1;
      }
      await this.#pause(attempt, signal);
    }
  }

  /**
   * One connection, from its opening to its end. True when the coordinator closed it soon after: whoever is shown out again and
   * again, because another process signs in as the same client, should come back ever later.
   */
  async #serve(token: string, handlers: TransportHandlers): Promise<boolean> {
    const { clock } = this.#ports;
    const { signal } = this.#closing;
    let openedAtMs = clock.now();
    const line = this.#ports.openLine(token, [...this.#heard.values()]);
    const close = (): void => line.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      const end = await this.#unlessStopped(
        line.run({
          opened: () => {
            if (signal.aborted) return;
            openedAtMs = clock.now();
            this.#line = line;
            this.#lineEnds = new AbortController();
            this.#wake();
            handlers.connected();
          },
          received: (value, mark) => {
            const parsed = serverMessageSchema.safeParse(value);
            if (parsed.success) {
              handlers.received(parsed.data);
              this.#hear(mark);
            } else
              handlers.retrying(
                'MESSAGE_INVALID',
                'the coordinator sent a message that is not of the protocol; it was ignored',
              );
          },
        }),
        signal,
      );
      return end === 'closed' && clock.now() - openedAtMs < steadyMs;
    } finally {
      signal.removeEventListener('abort', close);
      const wasConnected = this.#line === line;
      this.#line = null;
      this.#lineEnds.abort();
      line.close();
      if (wasConnected && !signal.aborted) handlers.disconnected();
    }
  }

  /** Notes the mark of a message that was handed on. */
  #hear(value: unknown): void {
    const parsed = heardSchema.safeParse(value);
    if (!parsed.success) return;
    const mark = parsed.data;
    const before = this.#heard.get(mark.runId);
    if (before !== undefined && !comesAfter(mark, before)) return;
    this.#heard.delete(mark.runId);
    this.#heard.set(mark.runId, mark);
    if (this.#heard.size > heardRunsMax) this.#heard.delete(this.#heard.keys().next().value!);
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

  /** Repeats while the coordinator cannot be reached, ever later unless something got through. */
  async #retried<T>(
    path: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal, progressed: () => void) => Promise<T>,
  ): Promise<T> {
    const either = this.#either(signal);
    for (let attempt = 0; !either.aborted; attempt++) {
      try {
        return await work(either, () => {
          attempt = 0;
        });
      } catch (error) {
        if (either.aborted) break;
        if (!passing(error)) throw error;
      }
      await this.#pause(attempt, either);
    }
    throw new SottoError('CANCELLED', `${path}: stopped before it was answered`);
  }

  /** A request with a token; signs in anew when the coordinator no longer takes it. */
  async #authorized(request: TokenRequest, signal: AbortSignal): Promise<HttpAnswer> {
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
    if (!fresh && known !== null && clock.now() < known.renewAtMs) return Promise.resolve(known);
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

type TokenRequest = Omit<HttpRequest, 'signal'>;

/** Says which bytes follow; nothing where all do. */
function rangeHeader(from: number, length: number): Readonly<Record<string, string>> {
  if (from === 0) return {};
  return { 'content-range': from === length ? `bytes */${length}` : `bytes ${from}-${length - 1}/${length}` };
}

/** Whether it helps to ask again. */
function passing(error: unknown): boolean {
  return (
    isSottoError(error, 'UNREACHABLE') || isSottoError(error, 'UNAUTHENTICATED') || isSottoError(error, 'RATE_LIMITED')
  );
}
