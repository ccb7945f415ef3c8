import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** Every rule that the project relies on, proved by a planted breach; and that clean code of the same place passes. */
const root = join(import.meta.dirname, '..');

const imports = 'eslint(no-restricted-imports)';
const globals = 'eslint(no-restricted-globals)';
const properties = 'eslint(no-restricted-properties)';

/** One planted file each: its path, its text, and the rule that must find it; null where nothing may be found. */
const plants = [
  // The import table, DESIGN §9.
  ['shared/src/errors/up.ts', `export { a } from '../random/index.ts';`, imports],
  ['shared/src/vector/up.ts', `export { a } from '../crypto/index.ts';`, imports],
  ['shared/src/random/up.ts', `export { a } from '../privacy/index.ts';`, imports],
  ['shared/src/crypto/up.ts', `export { a } from '../secure-sum/index.ts';`, imports],
  ['shared/src/crypto/node-up.ts', `export { a } from '../secure-sum/index.ts';`, imports],
  ['shared/src/privacy/up.ts', `export { a } from '../queries/index.ts';`, imports],
  ['shared/src/secure-sum/deep/up.ts', `export { a } from '../../plan/index.ts';`, imports],
  ['shared/src/model/up.ts', `export { a } from '../learning/index.ts';`, imports],
  ['shared/src/queries/up.ts', `export { a } from '../plan/index.ts';`, imports],
  ['shared/src/learning/up.ts', `export { a } from '../protocol/index.ts';`, imports],
  ['shared/src/metrics/up.ts', `export { a } from '../plan/index.ts';`, imports],
  ['shared/src/plan/up.ts', `export { a } from '../audit/index.ts';`, imports],
  ['shared/src/queries/audit-up.ts', `export { a } from '../audit/index.ts';`, imports],
  ['shared/src/audit/harness.ts', `export { a } from '../secure-sum/testing/harness.ts';`, imports],
  ['shared/src/audit/down.ts', `export { a } from '../plan/index.ts';`, null],
  ['shared/src/plan/card-up.ts', `export { a } from '../card/index.ts';`, imports],
  ['shared/src/card/up.ts', `export { a } from '../protocol/index.ts';`, imports],
  ['shared/src/card/report-up.ts', `export { a } from '../report/index.ts';`, imports],
  ['shared/src/report/aside.ts', `export { a } from '../protocol/index.ts';`, imports],
  ['shared/src/report/page/down.ts', `export { a } from '../../card/index.ts';`, null],
  ['shared/src/card/other.ts', `export { a } from 'node:fs';`, imports],
  ['shared/src/plan/other.ts', `export { a } from '@sotto/coordinator';`, imports],
  ['shared/src/protocol/other.ts', `export { a } from 'socket.io';`, imports],
  ['shared/src/privacy/node.ts', `export { readFile } from 'node:fs';`, imports],
  ['shared/src/crypto/web-crypto.ts', `export { hash } from 'node:crypto';`, imports],
  ['shared/src/crypto/node-files.ts', `export { readFile } from 'node:fs';`, imports],
  ['shared/src/crypto/node-hash.ts', `export { createHash } from 'node:crypto';`, null],
  ['shared/src/crypto/web-sodium.ts', `export { a } from 'libsodium';`, imports],
  ['shared/src/crypto/node-database.ts', `export { a } from 'libsql';`, imports],
  ['shared/src/crypto/node-sodium.ts', `export { a } from 'libsodium';`, null],
  ['shared/src/plan/down.ts', `export { a } from '../errors/index.ts';\nexport { z } from 'zod';`, null],
  [
    'shared/src/secure-sum/down.ts',
    `export { x25519 } from '@noble/curves/ed25519.js';\nexport { a } from '../crypto/index.ts';`,
    null,
  ],
  ['client-sdk/src/up.ts', `export { a } from '@sotto/coordinator/runs';`, imports],
  ['client-sdk/src/authority.ts', `export { a } from '@sotto/authority';`, imports],
  ['client-sdk/src/session/path.ts', `export { a } from '../../../shared/src/plan/index.ts';`, imports],
  ['client-sdk/src/root.ts', `export { a } from '@sotto/shared';`, imports],
  [
    'client-sdk/src/fine.ts',
    `export { a } from '@sotto/shared/plan';\nexport { tidy } from '@tensorflow/tfjs-core';`,
    null,
  ],
  ['coordinator/src/client.ts', `export { a } from '@sotto/client';`, imports],
  ['coordinator/src/authority.ts', `export { a } from '@sotto/authority';`, imports],
  ['coordinator/src/runs/tfjs.ts', `export { tidy } from '@tensorflow/tfjs-core';`, imports],
  [
    'coordinator/src/fine.ts',
    `export { a } from '@sotto/shared/secure-sum';\nexport { Server } from 'socket.io';`,
    null,
  ],
  ['authority/src/client.ts', `export { a } from '@sotto/client';`, imports],
  ['authority/src/online.ts', `export { request } from 'node:https';`, imports],
  ['authority/src/bare.ts', `export { connect } from 'net';`, imports],
  [
    'authority/src/fine.ts',
    `export { a } from '@sotto/shared/protocol';\nexport { readFile } from 'node:fs/promises';`,
    null,
  ],
  ['simulation/src/root.ts', `export { a } from '@sotto/coordinator';`, imports],
  ['simulation/src/authority.ts', `export { a } from '@sotto/authority';`, imports],
  [
    'simulation/src/fine.ts',
    `export { a } from '@sotto/coordinator/runs';\nexport { b } from '@sotto/client/session';`,
    null,
  ],
  ['dashboard/lib/server.ts', `export { a } from '@sotto/coordinator/runs';`, imports],
  ['dashboard/app/sum.tsx', `export { a } from '@sotto/shared/secure-sum';`, imports],
  [
    'dashboard/app/page.tsx',
    `export { a } from '@sotto/shared/protocol';\nexport default function Page() {\n  return null;\n}`,
    null,
  ],
  // The pure core.
  ['shared/src/plan/clock.ts', `export const now = (): number => Date.now();`, globals],
  ['shared/src/plan/age.ts', `export const now = (): number => performance.now();`, globals],
  ['shared/src/privacy/env.ts', `export const home = process.env['HOME'];`, globals],
  [
    'shared/src/secure-sum/wait.ts',
    `export const wait = (action: () => void): unknown => setTimeout(action, 1);`,
    globals,
  ],
  ['shared/src/metrics/print.ts', `export const print = (text: string): void => console.log(text);`, globals],
  ['shared/src/random/own.ts', `export const coin = (): number => Math.random();`, properties],
  ['shared/src/random/own-by-name.ts', `export const coin = (): number => Math['random']();`, properties],
  ['shared/src/random/own-taken.ts', `const { random } = Math;\nexport const coin = random;`, properties],
  // The replayed path: nothing that ECMAScript leaves to the engine.
  ...['random', 'exp', 'log', 'pow', 'cos', 'tanh', 'hypot', 'cbrt', 'log1p', 'expm1', 'atan2'].map((name) => [
    `shared/src/learning/math-${name}.ts`,
    `export const f = Math.${name};`,
    properties,
  ]),
  ['shared/src/model/exp.ts', `export const f = (x: number): number => Math.exp(x);`, properties],
  ['shared/src/model/taken.ts', `const { exp } = Math;\nexport const f = exp;`, properties],
  ['shared/src/metrics/exp.ts', `export const f = (x: number): number => Math.exp(x);`, null],
  [
    'shared/src/learning/fine.ts',
    `export const f = (x: number): number => Math.sqrt(Math.fround(Math.abs(Math.floor(Math.max(x, Math.imul(1, Math.clz32(2)))))));`,
    null,
  ],
  // Everywhere.
  ['coordinator/src/any.ts', `export const f = (x: any): void => void x;`, 'typescript(no-explicit-any)'],
  [
    'coordinator/src/floating.ts',
    `export function f(): void {\n  Promise.resolve(1);\n}`,
    'typescript(no-floating-promises)',
  ],
  [
    'coordinator/src/switch.ts',
    `export function f(x: 'a' | 'b'): number | undefined {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return undefined;\n}`,
    'typescript(switch-exhaustiveness-check)',
  ],
  [
    'client-sdk/src/cycle-a.ts',
    `import { b } from './cycle-b.ts';\nexport const a = (): unknown => b;`,
    'import(no-cycle)',
  ],
  [
    'client-sdk/src/cycle-b.ts',
    `import { a } from './cycle-a.ts';\nexport const b = (): unknown => a;`,
    'import(no-cycle)',
  ],
  ['authority/src/default.ts', `export default function f(): void {}`, 'import(no-default-export)'],
];

let folder = '';
/** Rules found, by file. */
const found = new Map();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-lint-'));
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'NodeNext',
    allowImportingTsExtensions: true,
    types: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*'] }));
  for (const [path, text] of plants) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const result = spawnSync(process.execPath, [oxlint, '-f', 'json'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, OXLINT_TSGOLINT_PATH: join(root, 'node_modules/.bin/tsgolint') },
  });
  if (!result.stdout.startsWith('{')) throw new Error(`oxlint did not run: ${result.stdout}${result.stderr}`);
  for (const { code, filename } of JSON.parse(result.stdout).diagnostics) {
    const path = filename.replaceAll('\\', '/');
    found.set(path, [...(found.get(path) ?? []), code]);
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the linter', () => {
  test.each(plants.filter(([, , rule]) => rule !== null))('finds the breach in %s', (path, _text, rule) => {
    expect(found.get(path) ?? []).toContain(rule);
  });

  test.each(plants.filter(([, , rule]) => rule === null))('lets %s pass', (path) => {
    expect(found.get(path) ?? []).toEqual([]);
  });
});

describe('what the linter cannot say', () => {
  /** Source files of a folder, tests left out. */
  const sources = (path) =>
    readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/(^|\/)testing\//.test(file))
      .map((file) => [join(path, file), readFileSync(join(root, path, file), 'utf8')]);

  test('the replayed path has no ** operator: its result for fractions is the engine’s', () => {
    for (const [file, text] of [...sources('shared/src/learning'), ...sources('shared/src/model')]) {
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|(['"`])(?:\\.|(?!\1).)*\1/g, '');
      expect(code, file).not.toMatch(/\*\*/);
    }
  });

  test('the core depends on zod, tweetnacl, noble and, in Node, libsodium alone', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'shared/package.json'), 'utf8'));
    const others = Object.keys(dependencies).filter((name) => !name.startsWith('@noble/'));
    expect(others.sort()).toEqual(['libsodium', 'tweetnacl', 'zod']);
  });

  test('nothing that is installed by default runs an install script', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const withScripts = Object.entries(packages).filter(
      ([, { hasInstallScript, dev, optional }]) => hasInstallScript && !dev && !optional,
    );
    expect(withScripts.map(([path]) => path)).toEqual([]);
  });
});
