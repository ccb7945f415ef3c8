import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Flower's own functions, as its client's mod calls them: CPU time, the best of three. */
const program = `
import importlib, time
import numpy as np
mod = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")
words, masks, best = 1 << 20, 8, 1e9
for _ in range(3):
    total = [np.zeros(words, dtype=np.int64)]
    begin = time.process_time()
    for i in range(masks):
        total = mod.parameters_addition(total, mod.pseudo_rand_gen(bytes([i + 1]) * 32, 1 << 32, [(words,)]))
    mod.parameters_mod(total, 1 << 32)
    best = min(best, time.process_time() - begin)
print(4 * words * masks / best / 1e9)
`;

/** The Python in which `peers/run W5 flower` installed Flower, or null where it never ran. */
export function flowerPython(): string | null {
  const cache = process.env['PEERS_CACHE'] ?? join(tmpdir(), `peers-cache-${userInfo().uid}`);
  const python = join(cache, 'flower/bin/python');
  return existsSync(python) ? python : null;
}

/** Masks that Flower expands and adds, in GB/s of 32-bit words. */
export function flowerMaskRate(python: string): number {
  const { stdout, stderr } = spawnSync(python, ['-c', program], { encoding: 'utf8', timeout: 120_000 });
  const rate = Number(stdout.trim());
  if (!(rate > 0)) throw new Error(`Flower gave no figure: ${stderr.slice(-300)}`);
  return rate;
}

/** CPU seconds of a client and of the coordinator in one session of 100 clients, a tenth lost, a million parameters, k = 50, t = 34. */
export type SessionSeconds = { readonly clientSeconds: number; readonly coordinatorSeconds: number };

/** Our functions on Flower's graph, in a process of their own. */
export function sessionOnFlowersGraph(): SessionSeconds {
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const hook = new URL('./flower-graph.mjs', import.meta.url).href;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--conditions', 'source', '--import', hook, file('./flower-session.ts')],
    { encoding: 'utf8', timeout: 300_000 },
  );
  if (!stdout.startsWith('{')) throw new Error(`our session gave no figure: ${stderr.slice(-300)}`);
  return JSON.parse(stdout) as SessionSeconds;
}

/** Flower's own workflow and client mod, without transport: a driver of `SOTTO_SHARED/peers`; null where that is not. */
export function flowersSession(): SessionSeconds | null {
  const shared = process.env['SOTTO_SHARED'];
  const run = shared === undefined ? '' : join(shared, 'peers/run');
  if (!existsSync(run)) return null;
  const { stdout, stderr } = spawnSync(run, ['W5', 'flower', '--only', 'n100-d1000000-drop10'], {
    encoding: 'utf8',
    timeout: 600_000,
  });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  type Told = { status: string; figures?: { clientS: { total: number }; serverTotalS: number } };
  const { status, figures } = line.startsWith('{') ? (JSON.parse(line) as Told) : { status: 'silent' };
  if (status !== 'ok' || figures === undefined)
    throw new Error(`Flower gave no session (${status}): ${stderr.slice(-300)}`);
  return { clientSeconds: figures.clientS.total, coordinatorSeconds: figures.serverTotalS };
}
