// Puts the node's command and its contribution thread, with the packages that they use, into a few files: five hundred files
// took half of a start, twice in every node. Packages with binaries of their own stay where they are,
// and so does the one that seals, which tests look into.
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const dist = join(root, 'client-sdk/dist');

/** When the compiler last wrote, and when the bundle was made, in milliseconds; 0 where there is none. */
const writtenMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Bundles what the compiler has built, unless that was done already, and says whether that went well. */
export async function bundleNode() {
  const bundle = join(dist, 'bundle');
  const sources = [
    'client-sdk/dist/.tsbuildinfo',
    'shared/dist/.tsbuildinfo',
    'package-lock.json',
    'scripts/bundle-node.mjs',
  ];
  const compiled = sources.map((path) => writtenMs(join(root, path)));
  if (compiled.every((ms) => ms > 0 && ms <= writtenMs(join(bundle, 'bin.js')))) return true;
  // Here, because it may not be installed when this file is loaded.
  const esbuild = await import('esbuild');
  // Made beside the old one and put in its place whole: nodes may be started meanwhile. Names of parts hold a hash, so older
  // ones would pile up.
  const fresh = join(dist, 'bundle.new');
  rmSync(fresh, { recursive: true, force: true });
  const { errors } = await esbuild.build({
    entryPoints: [join(dist, 'bin.js'), join(dist, 'training/contribution-worker.js')],
    entryNames: '[name]',
    outdir: fresh,
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
  if (errors.length > 0) return false;
  const old = join(dist, 'bundle.old');
  rmSync(old, { recursive: true, force: true });
  if (existsSync(bundle)) renameSync(bundle, old);
  renameSync(fresh, bundle);
  rmSync(old, { recursive: true, force: true });
  return true;
}
