import { SottoError } from '@sotto/shared/errors';
import type { Clock } from '@sotto/shared/protocol';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { createSocketLine } from './socket-line.ts';
import { createTransport, type Transport } from './transport.ts';
import { createWebHttp } from './web-http.ts';

export type WebTransportOptions = {
  readonly coordinator: string;
  readonly identity: SumIdentity;
  readonly clock: Clock;
};

/**
 * A browser's way to its coordinator, in a page or a worker. TLS is the browser's own: it accepts what the browser's certificate
 * authorities accept, and nothing can be pinned. What the authority signed holds all the same.
 *
 * @throws {INVALID_INPUT} when the address is no URL of http or https.
 * @throws {UNSUPPORTED} outside a secure context, where browsers withhold WebCrypto.
 */
export function createWebTransport({ coordinator, identity, clock }: WebTransportOptions): Transport {
  const { crypto } = globalThis;
  if (crypto?.subtle === undefined) {
    throw new SottoError('UNSUPPORTED', 'this page is no secure context: open it by https, or on localhost');
  }
  return createTransport({
    identity,
    clock,
    http: createWebHttp(coordinator),
    openLine: (token) => createSocketLine(coordinator, token),
    sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))),
    uniform: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32,
    uuid: () => crypto.randomUUID(),
  });
}
