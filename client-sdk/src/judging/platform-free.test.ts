import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('judging bundles for a browser: nothing in it is Node’s', async () => {
  // An import of a Node module that a browser lacks fails the build.
  const { outputFiles, warnings } = await build({
    entryPoints: [fileURLToPath(new URL('index.ts', import.meta.url))],
    bundle: true,
    platform: 'browser',
    format: 'esm',
    conditions: ['source'],
    write: false,
    logLevel: 'silent',
  });
  expect(warnings).toEqual([]);
  expect(outputFiles[0]!.text).toContain('exact Shapley values');
  expect(outputFiles[0]!.text).not.toMatch(/['"]node:|\bBuffer\./);
});
