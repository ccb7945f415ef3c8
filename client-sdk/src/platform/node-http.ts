import { createHash } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { SottoError } from '@sotto/shared/errors';
import { blobMaxBytes } from '@sotto/shared/protocol';
import {
  answerTooLarge,
  coordinatorUrl,
  requestFailure,
  silenceMs,
  type CoordinatorHttp,
  type HttpAnswer,
  type HttpRequest,
} from './coordinator-http.ts';
import { createPartialBody } from './partial-body.ts';

/** Requests over pinned TLS, on connections that are kept; the websocket takes the same agent. */
export type NodeHttp = CoordinatorHttp & { readonly agent: https.Agent | http.Agent };

/**
 * @param coordinator - base URL from the invitation.
 * @param tlsFingerprint - SHA-256 of the certificate (DER), hex; null only with an http: address, where TLS is off for tests.
 * @throws {INVALID_INPUT} when the address is no URL, or https comes without a fingerprint.
 */
export function createNodeHttp(coordinator: string, tlsFingerprint: string | null): NodeHttp {
  const address = coordinatorUrl(coordinator);
  const secure = address.protocol === 'https:';
  if (secure !== (tlsFingerprint !== null)) {
    throw new SottoError(
      'INVALID_INPUT',
      `coordinator ${coordinator}: a TLS fingerprint goes with https, and only with it`,
    );
  }
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
            answer.destroy(answerTooLarge(wanted, maxBytes));
          } else into.push(chunk);
        });
        answer.once('error', (error) => reject(requestFailure(error, coordinator, signal)));
        answer.once('end', () => resolve({ status, body: into.bytes() }));
      });
      sent.once('timeout', () => sent.destroy(new Error(`no answer for ${silenceMs} ms`)));
      sent.once('error', (error) => reject(requestFailure(error, coordinator, signal)));
      sent.end(body);
    });
  }

  return { agent, request, close: () => agent.destroy() };
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
