// Puts the browser's client into a few files that need no bundler: the page's entry, its worker, the workers for the rows and for
// judging, and chunks that load on need.
import { copyFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { directImports } from './direct-imports.mjs';
import { root } from './setup.mjs';

const dist = join(root, 'client-sdk/dist');

/** Where the files are put. */
export const webFolder = join(dist, 'browser');

/** `import { z }` takes all of zod with it, error texts in forty languages too: bundlers cannot see into what it names. */
const smallZod = (text) => text.replace(/^import \{ z \} from 'zod';$/m, "import * as z from 'zod';");

const packages = { '@sotto/shared': join(root, 'shared'), '@sotto/client': join(root, 'client-sdk') };

/**
 * Bundles what the compiler has built.
 * @returns {Promise<import('esbuild').Metafile | null>} what went where; null when it failed
 */
export async function bundleWeb() {
  // Here, because it may not be installed when this file is loaded.
  const esbuild = await import('esbuild');
  // Names of chunks hold a hash: older ones would pile up.
  rmSync(webFolder, { recursive: true, force: true });
  const { errors, metafile } = await esbuild.build({
    entryPoints: ['index.js', 'client-worker.js', 'contribution-worker.js', 'judging-worker.js'].map((name) =>
      join(dist, 'web', name),
    ),
    outdir: webFolder,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    sourcemap: true,
    legalComments: 'linked',
    metafile: true,
    plugins: [directImports(packages, smallZod)],
    logLevel: 'warning',
  });
  const wasm = dirname(createRequire(join(dist, 'web/index.js')).resolve('@tensorflow/tfjs-backend-wasm'));
  for (const name of ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm']) {
    copyFileSync(join(wasm, name), join(webFolder, name));
  }
  return errors.length === 0 ? metafile : null;
}
