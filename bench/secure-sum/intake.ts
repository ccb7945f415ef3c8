import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { uploadHeader } from '@sotto/shared/protocol';

/** What the uploads of a session cost the process that takes them. */
export type IntakeFigures = {
  /** Most memory that the process held beyond what it held before the session, in vectors. */
  readonly peakVectors: number;
  /** From the first byte to the last answer, by the clock, in seconds. */
  readonly seconds: number;
};

/** Uploads of all clients at once over loopback to the coordinator's HTTP side in a process of its own; the sum is compared. */
export async function measureIntake(clients: number, dimension: number): Promise<IntakeFigures> {
  const program = fileURLToPath(new URL('./intake-server.ts', import.meta.url));
  const args = ['--import', 'tsx', '--conditions', 'source', program, String(dimension), String(clients)];
  const server = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: server.stdout });
  const said: Record<string, unknown>[] = [];
  lines.on('line', (line) => said.push(JSON.parse(line) as Record<string, unknown>));
  while (said.length === 0) await once(lines, 'line');
  const vector = randomBytes(4 * dimension);
  const vectorHash = createHash('sha256').update(vector).digest('hex');
  const began = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, i) => upload(Number(said[0]!['port']), i, vector, vectorHash)));
  const seconds = (performance.now() - began) / 1e3;
  while (said.length === 1) await once(lines, 'line');
  server.stdin.end();
  await once(server, 'close');
  const { baseBytes, peakBytes, sum } = said[1]!;
  const first = new Uint32Array(new Uint8Array(vector.subarray(0, 16)).buffer);
  if (JSON.stringify(sum) !== JSON.stringify([...first].map((word) => Math.imul(word, clients) >>> 0))) {
    throw new Error('the sum of the uploads is wrong');
  }
  return { peakVectors: (Number(peakBytes) - Number(baseBytes)) / vector.length, seconds };
}

/** As a node does: again when it was put off or the connection broke. */
async function upload(port: number, client: number, vector: Buffer, vectorHash: string): Promise<void> {
  const id = client.toString(16).padStart(40, '0');
  const hash = '11'.repeat(32);
  const message = {
    type: 'upload',
    sessionId: hash,
    client: id,
    rosterHash: hash,
    vectorHash,
    signature: '22'.repeat(64),
  };
  for (;;) {
    const status = await new Promise<number>((resolve) => {
      const sent = request({
        port,
        host: '127.0.0.1',
        method: 'PUT',
        path: `/v1/sessions/${hash}/vector`,
        agent: false,
        headers: {
          'content-type': 'application/octet-stream',
          'content-length': vector.length,
          authorization: `Bearer ${id}`,
          [uploadHeader]: JSON.stringify(message),
        },
      });
      sent.once('response', (answer) => answer.resume().once('end', () => resolve(answer.statusCode ?? 0)));
      sent.once('error', () => resolve(0));
      sent.end(vector);
    });
    if (status === 200) return;
    if (status !== 0 && status !== 429) throw new Error(`an upload was answered ${status}`);
  }
}
