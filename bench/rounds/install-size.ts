import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../../', import.meta.url).pathname;

/** Bytes that installing `@sotto/client` puts on a silo's disk: its dependencies, deep, without what only development needs. */
export function clientInstallBytes(): number {
  const listed = execFileSync('npm', ['ls', '--workspace', '@sotto/client', '--omit=dev', '--all', '--parseable'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return listed
    .split('\n')
    .filter((line) => line !== '' && join(line, '/') !== root)
    .reduce((sum, folder) => sum + packageBytes(realpathSync(folder)), 0);
}

/** A package without the packages inside it; of a workspace, what its `files` publish. */
function packageBytes(folder: string): number {
  const workspace = !folder.includes('node_modules');
  const skipped = (name: string): boolean =>
    name === 'node_modules' || (workspace && !['dist', 'bin', 'package.json'].includes(name));
  return readdirSync(folder).reduce((sum, name) => (skipped(name) ? sum : sum + bytesOf(join(folder, name))), 0);
}

function bytesOf(path: string): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
