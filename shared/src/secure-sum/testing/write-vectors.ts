// npx tsx --conditions source shared/src/secure-sum/testing/write-vectors.ts: writes the vectors of the messages anew. They are
// what others build on: once released they change with a new version only, in a folder of its own.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createNodeCrypto } from '../../crypto/node.ts';
import { recordNoise } from './record-noise.ts';
import { recordVectors } from './record-vectors.ts';

const { session, bad } = await recordVectors();
write('session', session);
write('noise', await recordNoise(createNodeCrypto()));
for (const [type, cases] of Object.entries(bad)) write(`bad_${type}`, cases);

function write(name: string, content: unknown): void {
  writeFileSync(
    fileURLToPath(new URL(`../vectors/v1/${name}.json`, import.meta.url)),
    `${JSON.stringify(content, null, 1)}\n`,
  );
}
