/** Prints the gzipped JavaScript of a built page: what its HTML loads at once, and all chunks it may load later. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** @returns {Promise<{ firstLoadBytes: number, allBytes: number }>} gzipped sizes */
export async function measureScripts(folder = fileURLToPath(new URL('../out', import.meta.url))) {
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  // Browsers that know modules skip `nomodule` scripts.
  const tags = [...html.matchAll(/<script\b[^>]*\ssrc="([^"]+)"[^>]*>/g)].filter(([tag]) => !/nomodule/i.test(tag));
  const first = new Set(tags.map(([, source]) => source.replace(/^\//, '')));
  const all = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.js'));
  const sizes = new Map();
  for (const name of all) sizes.set(name, gzipSync(await readFile(join(folder, name))).length);
  const sum = (names) => [...names].reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
  return { firstLoadBytes: sum(first), allBytes: sum(all) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await measureScripts()));
