// npm run bench -- NAME [options]: runs a benchmark of bench/ on the sources, after set-up.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt, ensureInstalled } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name, ...rest] = process.argv.slice(2);
const known = readdirSync(join(root, 'bench'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, 'bench', entry.name, 'main.ts')))
  .map((entry) => entry.name);

if (name === undefined || !known.includes(name)) {
  const help = name === undefined || name === '--help' || name === '-h';
  console.error(
    `${help ? '' : `There is no benchmark ${name}.\n`}npm run bench -- NAME [--json] [--help]; NAME is one of: ${known.join(', ')}`,
  );
  process.exit(help ? 0 : 2);
}

await ensureInstalled();
await ensureBuilt();
const run = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--conditions', 'source', join(root, 'bench', name, 'main.ts'), ...rest],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(run.status ?? 1);
