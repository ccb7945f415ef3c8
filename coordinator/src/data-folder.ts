import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { createFileBlobs } from './store/file-blobs.ts';
import type { Blobs, Store } from './store/store.ts';

/** Where things lie in a coordinator's data folder. */
export const folderNames = {
  store: 'store.db',
  blobs: 'blobs',
  operatorToken: 'operator-token',
  viewToken: 'view-token',
  authority: 'authority',
  /** What all plans together may spend, where the operator set it. */
  budget: 'budget.json',
  /** Written by `sotto serve`: where it listens and its certificate's fingerprint, for commands in the same folder. */
  address: 'address.json',
} as const;

/** Opens store and blobs. @throws {STORE_LOCKED} {STORE_TOO_NEW} {DISK_FULL} {STORE_FAILED} */
export async function openData(
  dir: string,
  database: string | undefined,
  access: 'write' | 'read',
): Promise<{ store: Store; blobs: Blobs }> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const store = database === undefined ? await sqliteStore(dir, access) : await postgresStore(database, access);
  return { store, blobs: folderBlobs(dir) };
}

// Databases and their query builder are three hundred files: only commands that open one load it.
async function sqliteStore(dir: string, access: 'write' | 'read'): Promise<Store> {
  const { openSqliteStore } = await import('./store/open-sqlite.ts');
  return openSqliteStore(join(dir, folderNames.store), access);
}

async function postgresStore(database: string, access: 'write' | 'read'): Promise<Store> {
  const { openPostgresStore } = await import('./store/open-postgres.ts');
  return openPostgresStore(database, access);
}

/** A data folder's blobs alone, beside a coordinator that serves it: a blob bears its hash as its name, so nobody is in the way. */
export function folderBlobs(dir: string): Blobs {
  return createFileBlobs(join(dir, folderNames.blobs));
}

/** A token of the data folder, made on first use and readable by its owner alone. */
export async function tokenOf(dir: string, name: string): Promise<string> {
  const known = await readText(join(dir, name));
  if (known !== null && known.length >= 32) return known;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const token = randomBytes(32).toString('hex');
  await writeFile(join(dir, name), `${token}\n`, { mode: 0o600 });
  await chmod(join(dir, name), 0o600);
  return token;
}

/** The pinned authority's public key, or null. @throws {INVALID_INPUT} */
export async function pinnedAuthority(dir: string): Promise<string | null> {
  const text = await readText(join(dir, folderNames.authority));
  if (text === null) return null;
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new SottoError('INVALID_INPUT', `${join(dir, folderNames.authority)}: expected 64 hexadecimal digits`);
  }
  return text;
}

/**
 * Pins the federation's authority; an authority that is pinned already stays.
 * @throws {CONFLICT} when another one is pinned
 */
export async function pinAuthority(dir: string, authority: string): Promise<void> {
  const known = await pinnedAuthority(dir);
  if (known === authority) return;
  if (known !== null) throw new SottoError('CONFLICT', `${dir} is pinned to authority ${known}, got ${authority}`);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeFile(join(dir, folderNames.authority), `${authority}\n`);
}

/** A file's trimmed text, or null where there is none. */
export async function readText(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
