import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

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
