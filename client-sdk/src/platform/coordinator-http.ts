import { createHash } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { errorCodes, isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';
import { blobMaxBytes, controlMessageMaxBytes } from '@sotto/shared/protocol';
import { fromUtf8 } from '@sotto/shared/vector';
import { createPartialBody, type PartialBody } from './partial-body.ts';

export type HttpAnswer = { readonly status: number; readonly body: Uint8Array };

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Keeps what arrives, so that a broken connection does not lose it; the answer's body is then all of it. */
  readonly partial?: PartialBody;
};

/** Requests to one coordinator over pinned TLS, on connections that are kept. */
export type CoordinatorHttp = {
  readonly agent: https.Agent | http.Agent;
  /** One request, one answer. @throws {UNREACHABLE} {TLS_MISMATCH} {MESSAGE_TOO_LARGE} {CANCELLED} */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** JSON there and back. @throws the coordinator's error by its code, besides those of `request`. */
  postJson(path: string, body: unknown): Promise<unknown>;
  close(): void;
};

/** Longest silence on a connection, in milliseconds. */
const silenceMs = 30_000;

/**
 * @param coordinator - base URL from the invitation.
 * @param tlsFingerprint - SHA-256 of the certificate (DER), hex; null only with an http: address, where TLS is off for tests.
 * @throws {INVALID_INPUT} when the address is no URL, or https comes without a fingerprint.
 */
export function createCoordinatorHttp(coordinator: string, tlsFingerprint: string | null): CoordinatorHttp {
  const base = URL.canParse(coordinator) ? new URL(coordinator) : null;
  const secure = base?.protocol === 'https:';
  if (base === null || (!secure && base.protocol !== 'http:')) {
    throw new SottoError('INVALID_INPUT', `coordinator: expected an http or https address, got ${coordinator}`);
  }
  if (secure !== (tlsFingerprint !== null)) {
    throw new SottoError(
      'INVALID_INPUT',
      `coordinator ${coordinator}: a TLS fingerprint goes with https, and only with it`,
    );
  }
  const address = base;
  const agent =
    tlsFingerprint === null ? new http.Agent({ keepAlive: true }) : new PinnedAgent(tlsFingerprint, address.host);
  const client = secure ? https : http;

  function request(wanted: HttpRequest): Promise<HttpAnswer> {
    const { method, path, headers = {}, body, maxBytes = blobMaxBytes, signal, partial } = wanted;
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(body.length) };
      const options = {
        method,
        agent,
        timeout: silenceMs,
        headers: { ...headers, ...length },
        ...(signal ? { signal } : {}),
      };
      const sent = client.request(new URL(path, address), options, (answer) => {
        const status = answer.statusCode ?? 0;
        const into = partial?.begin(status, answer.headers['content-range']) ? partial : createPartialBody();
        answer.on('data', (chunk: Buffer) => {
          if (into.length + chunk.length > maxBytes) {
            answer.destroy(
              new SottoError('MESSAGE_TOO_LARGE', `${method} ${path}: the answer is over ${maxBytes} bytes`),
            );
          } else into.push(chunk);
        });
        answer.once('error', (error) => reject(failure(error, coordinator, signal)));
        answer.once('end', () => resolve({ status, body: into.bytes() }));
      });
      sent.once('timeout', () => sent.destroy(new Error(`no answer for ${silenceMs} ms`)));
      sent.once('error', (error) => reject(failure(error, coordinator, signal)));
      sent.end(body);
    });
  }

  return {
    agent,
    request,
    async postJson(path, body) {
      const answer = await request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(body)),
        maxBytes: controlMessageMaxBytes,
      });
      const value = parseJson(answer.body);
      if (answer.status >= 200 && answer.status < 300) return value;
      throw errorOfAnswer(answer.status, value, path);
    },
    close: () => agent.destroy(),
  };
}

/**
 * Connections whose certificate is exactly the pinned one: names, chains and dates play no part, because the authority's
 * invitation says which certificate it is. A socket is handed out only after the check, so nothing is sent to anybody else.
 */
class PinnedAgent extends https.Agent {
  readonly #fingerprint: string;
  readonly #host: string;

  constructor(fingerprint: string, host: string) {
    // The pin below replaces the check against certificate authorities; sessions are not resumed because a resumed
    // handshake shows no certificate.
    super({ keepAlive: true, rejectUnauthorized: false, maxCachedSessions: 0, minVersion: 'TLSv1.3' });
    this.#fingerprint = fingerprint;
    this.#host = host;
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, socket: Socket) => void,
  ): Socket | null | undefined {
    const socket = super.createConnection(options);
    if (!(socket instanceof TLSSocket) || callback === undefined) {
      throw new SottoError('INTERNAL', 'tls: expected a TLS socket and a callback');
    }
    const fail = (error: Error): void => callback(error, socket);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      const presented = socket.getPeerCertificate().raw as Buffer | undefined;
      const found = presented === undefined ? 'none' : createHash('sha256').update(presented).digest('hex');
      if (found === this.#fingerprint) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      const message = `${this.#host}: the invitation names certificate ${this.#fingerprint}, the server shows ${found}`;
      callback(new SottoError('TLS_MISMATCH', message), socket);
    });
    return undefined;
  }
}

function failure(error: Error, coordinator: string, signal: AbortSignal | undefined): SottoError {
  if (isSottoError(error)) return error;
  if (signal?.aborted) return new SottoError('CANCELLED', `${coordinator}: the request was stopped`);
  return new SottoError('UNREACHABLE', `${coordinator}: ${error.message}`);
}

/** The error that an answer carries, or one made from its status. */
export function errorOfAnswer(status: number, value: unknown, path: string): SottoError {
  if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value) {
    const code = String(value.code);
    if (isErrorCode(code)) return new SottoError(code, String(value.message).slice(0, 1_000));
  }
  if (status === 401) return new SottoError('UNAUTHENTICATED', `${path}: the coordinator asks to sign in`);
  if (status === 404) return new SottoError('NOT_FOUND', `${path}: not found`);
  if (status === 413) return new SottoError('MESSAGE_TOO_LARGE', `${path}: too large for the coordinator`);
  return new SottoError(
    status >= 500 || status === 408 ? 'UNREACHABLE' : 'MESSAGE_INVALID',
    `${path}: the coordinator answered ${status}`,
  );
}

export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body));
  } catch {
    return null;
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
