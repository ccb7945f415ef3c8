import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '@sotto/shared/protocol';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { createNodeHttp } from './node-http.ts';
import { createSocketLine } from './socket-line.ts';
import { createTransport, type Transport } from './transport.ts';

export type NodeTransportOptions = {
  readonly coordinator: string;
  readonly tlsFingerprint: string | null;
  readonly identity: SumIdentity;
  readonly clock: Clock;
};

/** A node's way to its coordinator, socket and HTTP on pinned TLS. @throws {INVALID_INPUT} when address and fingerprint do not fit. */
export function createNodeTransport({ coordinator, tlsFingerprint, identity, clock }: NodeTransportOptions): Transport {
  const http = createNodeHttp(coordinator, tlsFingerprint);
  return createTransport({
    identity,
    clock,
    http,
    openLine: (token) => createSocketLine(coordinator, token, http.agent),
    sha256: async (bytes) => createHash('sha256').update(bytes).digest(),
    uniform: () => randomInt(2 ** 32) / 2 ** 32,
    uuid: randomUUID,
  });
}
