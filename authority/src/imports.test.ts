import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * The authority's key is only as safe as the code that is loaded beside it: shared and the platform's files, never a socket.
 * The linter says the same; this holds also where it does not run.
 */
const root = join(import.meta.dirname, '../..');

function importsOf(folder: string): { file: string; name: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.m?tsx?$|\.mjs$/.test(file) && !file.includes('node_modules'))
    .flatMap((file) => {
      const text = readFileSync(join(root, folder, file), 'utf8');
      const matches = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)['"]([^'"]+)['"]/g);
      return [...matches].map((match) => ({ file: join(folder, file), name: match[1]! }));
    });
}

test('the authority imports shared, its own files, commander, and of node only files, keys and the terminal', () => {
  const allowed =
    /^(\.\/[a-z-]+\.ts|@sotto\/shared\/[a-z-]+(\/node)?|commander|node:(crypto|fs\/promises|path|readline|stream))$/;
  const imports = importsOf('authority/src').filter(({ file }) => !file.endsWith('.test.ts'));
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.filter(({ name }) => !allowed.test(name))).toEqual([]);
});

test('its package names no other dependency', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'authority/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(Object.keys(dependencies).sort()).toEqual(['@sotto/shared', 'commander']);
});

test('no coordinator and no client imports the authority', () => {
  const imports = [...importsOf('coordinator/src'), ...importsOf('client-sdk/src'), ...importsOf('shared/src')];
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.filter(({ name }) => name.includes('@sotto/authority') || /\/authority\//.test(name))).toEqual([]);
});
