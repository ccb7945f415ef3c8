// A Python with dp-accounting, by which the tests recompute privacy cards: another accountant than ours.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root, run } from './setup.mjs';

const requirements = join(root, 'examples/verify-card/requirements.txt');

/** Whether there is a python3 that can make an environment of its own. */
export function hasPython() {
  return spawnSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' }).status === 0;
}

/** Whether a Python can import the accountant. */
export function hasAccountant(python) {
  return spawnSync(python, ['-c', 'import dp_accounting'], { stdio: 'ignore' }).status === 0;
}

/** Whether a Python can import numpy, which dp-accounting brings along. */
export function hasNumpy(python) {
  return spawnSync(python, ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0;
}

/**
 * The path of a Python that has dp-accounting: made once in the user's cache, from the versions that the example names.
 * @returns {Promise<string | null>} null where it cannot be had; tests that need it are skipped by name
 */
export async function ensurePython() {
  if (!hasPython()) return null;
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sotto', `python-${version}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python) && hasAccountant(python)) return python;
  console.error(`Installing dp-accounting for the tests into ${folder} …`);
  rmSync(folder, { recursive: true, force: true });
  const made = await run('python3', ['-m', 'venv', folder], { capture: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  const installed = made.code === 0 ? await run(python, pip, { capture: true }) : made;
  if (installed.code === 0) return python;
  console.error(`${installed.output.slice(-2_000)}\nMissing: dp-accounting. Tests that need it are skipped.`);
  rmSync(folder, { recursive: true, force: true });
  return null;
}
