import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { run as authority } from '../authority/src/program.ts';
import { runCli as node } from '../client-sdk/src/cli/program.ts';
import { run as coordinator } from '../coordinator/src/cli/program.ts';
import { version } from '../shared/src/version.ts';
import { run as simulation } from '../simulation/src/cli/program.ts';

afterEach(() => vi.restoreAllMocks());

const manifest = (folder) => JSON.parse(readFileSync(new URL(`../${folder}/package.json`, import.meta.url), 'utf8'));

test('every package bears the version that the programs say', () => {
  const { workspaces } = manifest('.');
  expect(['.', ...workspaces].map((folder) => [folder, manifest(folder).version])).toEqual(
    ['.', ...workspaces].map((folder) => [folder, version]),
  );
});

test.each([
  ['sotto', coordinator],
  ['sotto-authority', authority],
  ['sotto-sim', simulation],
])('%s --version says it and ends well', async (_name, run) => {
  const out = [];
  const ports = { out: (text) => out.push(text), error: () => undefined, environment: {}, ended: Promise.resolve() };
  expect(await run(['--version'], ports)).toBe(0);
  expect(out).toEqual([`${version}\n`]);
});

test('sotto-node --version says it and ends well', async () => {
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  expect(await node(['node', 'sotto-node', '--version'])).toBe(0);
  expect(written.mock.calls).toEqual([[`${version}\n`]]);
});
