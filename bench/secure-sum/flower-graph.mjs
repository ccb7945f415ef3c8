// For `--import`, in the process of flower-session.ts and nowhere else: 100 clients stand on a ring with Flower's 50 neighbours and 34
// shares to a secret, which our plans refuse because two thirds of a third can be had by a coordinator that lies. All else is as it is.
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

const changes = [
  // No complete graph, and the ring's first line of numbers.
  ['/secure-sum/parameters.ts', /completeGraphMaxClients\s*=\s*200/, 'completeGraphMaxClients=0'],
  ['/secure-sum/graph-parameters.ts', /\[\s*250,\s*70,\s*48,\s*16\s*\]/, '[250,50,34,1]'],
];

/** The hook: the source as the loaders before it made it, with the numbers changed. */
export async function load(url, context, next) {
  const loaded = await next(url, context);
  const change = changes.find(([end]) => new URL(url).pathname.endsWith(end));
  if (change === undefined) return loaded;
  const [end, from, to] = change;
  const source = String(loaded.source);
  if (!from.test(source)) throw new Error(`${end}: the number that has to be changed is not there`);
  return { ...loaded, source: source.replace(from, to) };
}
