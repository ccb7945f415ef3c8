// Puts the node's command and its contribution thread, with the packages that they use, into a few files: five hundred files
// took half of a start, twice in every node. Packages with binaries of their own stay where they are,
// and so does the one that seals, which tests look into.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const dist = join(root, 'client-sdk/dist');

/** Bundles what the compiler has built, and says whether that went well. */
export async function bundleNode() {
  // Here, because it may not be installed when this file is loaded.
  const esbuild = await import('esbuild');
  // Names of parts hold a hash: older ones would pile up.
  rmSync(join(dist, 'bundle'), { recursive: true, force: true });
  const { errors } = await esbuild.build({
    entryPoints: [join(dist, 'bin.js'), join(dist, 'training/contribution-worker.js')],
    entryNames: '[name]',
    outdir: join(dist, 'bundle'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['@libsql/client', '@tensorflow/*', 'tweetnacl'],
    // Some packages are CommonJS and require Node's own modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return errors.length === 0;
}
