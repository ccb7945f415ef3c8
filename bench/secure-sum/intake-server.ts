// Started by intake.ts: the coordinator's HTTP side and the memory of one session, without runs and store. Says where it
// listens, and when all uploads came its memory: what the process had before the session, and at most.
import { readConfig } from '@sotto/coordinator';
import { createHttpApp, type HttpInput } from '@sotto/coordinator/http';
import { addUpload, openSessionMemory } from '@sotto/coordinator/sessions';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { uploadSchema } from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';

const [dimension = 0, clients = 0] = process.argv.slice(2).map(Number);
const crypto = createNodeCrypto();
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

// What the routes of uploads ask of the rest.
const driver: Pick<HttpInput['driver'], 'vectorBytes' | 'uploaded'> = {
  vectorBytes: () => 4 * dimension,
  async uploaded(_client, value, vector) {
    const upload = uploadSchema.parse(value);
    if (toHex(await crypto.sha256(vector)) !== upload.vectorHash) throw new Error('an upload was altered');
    addUpload(memory, vector);
    added += 1;
    if (added === clients) {
      const sum = memory.accumulator.slice(0, 4);
      say({ baseBytes, peakBytes: process.resourceUsage().maxRSS * 1_024, sum: [...sum] });
    }
    return { ok: true };
  },
};
const access: Pick<HttpInput['access'], 'callerOf'> = {
  callerOf: (token) => ({ kind: 'client', client: token ?? '' }),
};

const { server } = await createHttpApp({
  driver: driver as HttpInput['driver'],
  access: access as HttpInput['access'],
  store: {} as HttpInput['store'],
  blobs: {} as HttpInput['blobs'],
  clock: { now: () => Date.now(), after: (ms, action) => clearTimeout.bind(null, setTimeout(action, ms)) },
  crypto,
  log: { info: () => undefined, warn: () => undefined, error: (_, message) => console.error(message) },
  authority: null,
  version: 'bench',
  tls: null,
  dashboard: null,
  allowedOrigins: new Set(),
  uploadRoomBytes: readConfig({}).uploadMemory * 2 ** 20,
  onRevoked: () => undefined,
});
process.stdin.once('end', () => process.exit()).resume();
let added = 0;
const baseBytes = process.memoryUsage().rss;
const memory = openSessionMemory('11'.repeat(32), dimension);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  say({ port: typeof address === 'object' ? address?.port : null });
});
