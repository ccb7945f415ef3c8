// What every command of this repository does first. Node's own modules only: nothing is installed yet.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');

/** Ends the process with a clear message where Node is too old. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Sotto needs Node 20.19 or newer; this is Node ${process.versions.node}. See https://nodejs.org.`);
  process.exit(1);
}

/** Installs what package-lock.json names, unless it is there already. Ends the process where that fails. */
export async function ensureInstalled() {
  requireNode();
  if (isInstalled()) return;
  console.error('Installing the packages of package-lock.json (npm ci) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { code } = await run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    shell: process.platform === 'win32',
  });
  if (code === 0 && isInstalled()) return;
  console.error('npm ci failed: see above. It needs the npm registry, or a filled npm cache.');
  process.exit(code === 0 ? 1 : code);
}

/** Compiles the workspaces, incrementally. Ends the process where that fails. */
export async function ensureBuilt() {
  if (await build()) return;
  console.error('The build failed: see above.');
  process.exit(1);
}

/** Builds the dashboard's pages where they are missing or older than their sources. Ends the process where that fails. */
export async function ensureDashboard() {
  if (await buildDashboard()) return;
  console.error('The dashboard could not be built: see above.');
  process.exit(1);
}

/** Compiles the workspaces with the compiler of this repository, bundles the node and the browser's client, and says whether that went well. */
export async function build() {
  const { code } = await run(process.execPath, [tool('typescript', 'bin/tsc'), '-b']);
  if (code !== 0) return false;
  const { bundleNode } = await import('./bundle-node.mjs');
  const { bundleWeb } = await import('./bundle-web.mjs');
  const [node, web] = await Promise.all([bundleNode(), bundleWeb()].map((bundle) => bundle.catch(() => null)));
  return node === true && web !== null;
}

/** Builds the dashboard's pages from the built shared workspace, and says whether that went well. */
export async function buildDashboard() {
  const page = join(root, 'dashboard/out/index.html');
  const sources = ['app', 'build', 'charts', 'components', 'lib', 'styles', 'package.json', 'next.config.mjs'];
  const built = existsSync(page) ? statSync(page).mtimeMs : 0;
  const newest = Math.max(...sources.map((name) => newestMs(join(root, 'dashboard', name))));
  if (built > newest) return true;
  console.error('Building the dashboard …');
  const { code, output } = await run(process.execPath, [join(root, 'dashboard/build/build.mjs')], { capture: true });
  if (code !== 0) console.error(output);
  return code === 0;
}

/** A program of an installed package, by path: the name in node_modules/.bin may be another version's. */
export function tool(name, path) {
  return join(root, 'node_modules', name, path);
}

/**
 * Runs a program at the repository's root, without stdin.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ capture?: boolean, env?: NodeJS.ProcessEnv, shell?: boolean }} [options] capture: give the output, do not show it
 * @returns {Promise<{ code: number, output: string, seconds: number }>}
 */
export function run(command, args, { capture = false, env = {}, shell = false } = {}) {
  const began = process.hrtime.bigint();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      shell,
      // What a step says goes to stderr, so that stdout keeps the result alone.
      stdio: ['ignore', capture ? 'pipe' : 2, capture ? 'pipe' : 2],
    });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const end = (code, text = '') =>
      resolve({ code, output: output + text, seconds: Number(process.hrtime.bigint() - began) / 1e9 });
    child.on('error', (error) => end(127, error.message));
    child.on('close', (code) => end(code ?? 1));
  });
}

/** Whether every package that the lock file names lies in node_modules, in that version. */
function isInstalled() {
  const lock = readJson(join(root, 'package-lock.json'));
  const installed = readJson(join(root, 'node_modules/.package-lock.json'));
  if (lock === null || installed === null) return false;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
    if (wanted.link === true) return existsSync(join(root, path));
    const there = installed.packages[path];
    // An optional package (another platform's binary) may be absent, but not in another version.
    return there === undefined
      ? wanted.optional === true || wanted.devOptional === true
      : there.version === wanted.version;
  });
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function newestMs(path) {
  if (!existsSync(path)) return 0;
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.mtimeMs;
  return Math.max(entry.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
