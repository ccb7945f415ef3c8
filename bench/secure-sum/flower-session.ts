import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { timedSession } from './timed-session.ts';

/** Whole sessions on Flower's graph (`flower-graph.mjs`), the fastest of two; one line of JSON for whoever started the process. */
const terms = { clients: 100, dimension: 1_000_000, lost: 10, suite: 'x25519' } as const;
let [clientSeconds, coordinatorSeconds] = [Infinity, Infinity];
for (let pass = 0; pass < 2; pass++) {
  const times = await timedSession(terms, createNodeCrypto({ rememberSignatures: false }));
  clientSeconds = Math.min(clientSeconds, times.clientSeconds);
  coordinatorSeconds = Math.min(coordinatorSeconds, times.coordinatorSeconds);
}
console.log(JSON.stringify({ clientSeconds, coordinatorSeconds }));
