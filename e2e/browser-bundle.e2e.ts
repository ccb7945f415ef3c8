import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { isBuilt } from './testing/client-pages.ts';

/** How the browser's files weigh, gzipped, and that nothing of Node is in them. Needs `npm run build`. */
const folder = fileURLToPath(new URL('../client-sdk/dist/browser/', import.meta.url));
const kilobytes = 1_024;

type Imports = { readonly now: readonly string[]; readonly later: readonly string[] };

describe.skipIf(!isBuilt)('the files for browsers', () => {
  const files = new Map<string, Imports>();

  beforeAll(async () => {
    const { metafile } = await build({
      entryPoints: ['index.js', 'client-worker.js', 'contribution-worker.js', 'judging-worker.js'].map((name) =>
        join(folder, name),
      ),
      absWorkingDir: folder,
      outdir: 'out',
      bundle: true,
      splitting: true,
      format: 'esm',
      // What an import of Node's would be is then left as it stands.
      platform: 'neutral',
      write: false,
      metafile: true,
    });
    for (const [path, { imports }] of Object.entries(metafile.inputs)) {
      // Of the bundler itself.
      const own = imports.filter((one) => !one.path.startsWith('<'));
      const of = (kind: string) => own.filter((one) => one.kind === kind).map((one) => one.path);
      if (!path.startsWith('<')) files.set(path, { now: of('import-statement'), later: of('dynamic-import') });
    }
  });

  /** All that loads with some files. */
  function loadedWith(entries: readonly string[]): Set<string> {
    const loaded = new Set<string>();
    const open = [...entries];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (loaded.has(path)) continue;
      loaded.add(path);
      open.push(...(files.get(path)?.now ?? []));
    }
    return loaded;
  }

  /** The chunks that begin with a name: what a dynamic import of that module gives. */
  function chunksOf(...names: readonly string[]): readonly string[] {
    return names.map((name) => {
      const [chunk] = [...files.keys()].filter((path) => basename(path).startsWith(`${name}-`));
      if (chunk === undefined) throw new Error(`there is no chunk ${name}`);
      return chunk;
    });
  }

  function weight(paths: Iterable<string>, beside = new Set<string>()): number {
    let bytes = 0;
    for (const path of paths) {
      if (!beside.has(path)) bytes += gzipSync(readFileSync(join(folder, path)), { level: 9 }).length;
    }
    return bytes;
  }

  test('the entry is a thin hand', () => {
    expect(weight(loadedWith(['index.js']))).toBeLessThan(8 * kilobytes);
  });

  test('the client worker comes without accountant, fallbacks and tfjs', () => {
    const worker = loadedWith(['client-worker.js']);
    // Rules and layouts of every measure that a plan may ask for are in it: the client checks plans itself.
    expect(weight(worker)).toBeLessThan(138 * kilobytes);
    const onNeed = loadedWith(chunksOf('noble-crypto', 'ml-kem', 'webcrypto', 'check-offer'));
    expect(weight(onNeed, worker)).toBeLessThan(40 * kilobytes);
  });

  test('the worker that judges comes without accountant, protocol and tfjs', () => {
    expect(weight(loadedWith(['judging-worker.js']))).toBeLessThan(62 * kilobytes);
  });

  /** The chunks with something of a package of tfjs. */
  function chunksWith(name: string): readonly string[] {
    return [...files.keys()].filter((path) => {
      const { sources } = JSON.parse(readFileSync(join(folder, `${path}.map`), 'utf8')) as { sources: string[] };
      return sources.some((source) => source.includes(`/${name}/`));
    });
  }

  test.each([
    ['wasm', ['tfjs-core', 'tfjs-backend-cpu', 'tfjs-backend-wasm'], ['wasm-overlay']],
    ['cpu', ['tfjs-core', 'tfjs-backend-cpu'], []],
  ])('the worker for the rows keeps within its weight with tfjs on %s', (_, packages, chunks) => {
    const engine = packages.map((name) => chunksWith(name));
    expect(engine.every(({ length }) => length > 0)).toBe(true);
    const all = loadedWith(['contribution-worker.js', ...chunksOf('choose-engine', ...chunks), ...engine.flat()]);
    expect(weight(all)).toBeLessThan(220 * kilobytes);
  });

  test('nothing of Node is asked for', () => {
    const outside = [...files.values()]
      .flatMap(({ now, later }) => [...now, ...later])
      .filter((path) => !files.has(path));
    expect(outside).toEqual([]);
    const named = [...files.keys()].filter((path) => /["'`]node:/.test(readFileSync(join(folder, path), 'utf8')));
    expect(named).toEqual([]);
  });
});
