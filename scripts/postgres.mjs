// A PostgreSQL of its own for the tests: fresh folder, free port, gone at the end.
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folder of PostgreSQL's server programs, newest version first; null where there is none. */
export function postgresPrograms() {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(base, version, 'bin')), '/usr/local/bin', '/usr/bin'];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null;
}

/**
 * Starts a server that only this machine reaches, without a password.
 * @returns {Promise<{ url: string, stop: () => Promise<void> } | null>} null where PostgreSQL is not installed or does not start
 */
export async function startPostgres() {
  const programs = postgresPrograms();
  if (programs === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'sotto-postgres-'));
  const identity = serverIdentity();
  if (identity !== null) chownSync(folder, identity.uid, identity.gid);
  const options = { ...identity, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } };
  const data = join(folder, 'data');
  const made = spawnSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'sotto', '-A', 'trust', '--no-sync', '-E', 'UTF8'],
    {
      ...options,
      encoding: 'utf8',
    },
  );
  const giveUp = (reason) => {
    console.error(`PostgreSQL does not start: ${String(reason).trim()}`);
    rmSync(folder, { recursive: true, force: true });
    return null;
  };
  if (made.status !== 0) return giveUp(made.stderr || made.error?.message);
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F'];
  const server = spawn(join(programs, 'postgres'), args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  const ended = new Promise((resolve) => server.once('close', resolve));
  const ready = await new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 60_000);
    server.stderr.on('data', (chunk) => {
      log = (log + chunk).slice(-4_000);
      if (!log.includes('ready to accept connections')) return;
      clearTimeout(timer);
      resolve(true);
    });
    server.once('error', () => resolve(false));
    server.once('close', () => resolve(false));
    server.once('close', () => clearTimeout(timer));
  });
  const stop = async () => {
    // SIGINT is PostgreSQL's fast shutdown.
    if (server.exitCode === null) server.kill('SIGINT');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  if (!ready) {
    await stop();
    return giveUp(log);
  }
  return { url: `postgres://sotto@127.0.0.1:${port}/postgres`, stop };
}

/** PostgreSQL refuses to run as root: then as the user that its package made. Null: as ourselves. */
function serverIdentity() {
  if (process.getuid?.() !== 0) return null;
  const ask = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  const [uid, gid] = [ask('-u'), ask('-g')];
  return uid > 0 && gid > 0 ? { uid, gid } : null;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
