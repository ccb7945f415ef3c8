import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient, type Client } from '@libsql/client/sqlite3';
import { SottoError } from '@sotto/shared/errors';
import { Kysely } from 'kysely';
import { libsqlDialect } from './libsql-dialect.ts';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './schema.ts';
import { createSqlStore } from './sql-store.ts';
import { storeError } from './store-errors.ts';
import type { Store } from './store.ts';

/**
 * The store in an SQLite file: WAL, synchronous FULL, one writer.
 * @param access - `write` holds the file's lock until closed; `read` looks at it beside a writer and needs none.
 * @param limits - `maxPages`: largest size of the file in pages of 4 KiB; absent: the disk's.
 * @throws {STORE_LOCKED} {STORE_TOO_NEW} {DISK_FULL} {STORE_FAILED}
 */
export async function openSqliteStore(
  path: string,
  access: 'write' | 'read' = 'write',
  limits: { readonly maxPages?: number } = {},
): Promise<Store> {
  await mkdir(dirname(path), { recursive: true });
  const unlock = access === 'write' ? await lock(`${path}.lock`) : async () => {};
  let client: Client | null = null;
  try {
    client = open(path);
    await client.execute('PRAGMA journal_mode = WAL');
    await client.execute('PRAGMA synchronous = FULL');
    await client.execute('PRAGMA foreign_keys = ON');
    await client.execute('PRAGMA busy_timeout = 5000');
    if (limits.maxPages !== undefined) await client.execute(`PRAGMA max_page_count = ${Math.trunc(limits.maxPages)}`);
    const database = new Kysely<StoreSchema>({ dialect: libsqlDialect(client) });
    await migrate(database);
    return createSqlStore(database, unlock);
  } catch (error) {
    client?.close();
    await unlock();
    throw storeError(error);
  }
}

function open(path: string): Client {
  // One connection: its pragmas hold for everything, and SQLite has one writer anyway.
  return createClient({ url: pathToFileURL(path).href, concurrency: 1 });
}

/**
 * An exclusive transaction held open on a file beside the store: the system ends it with the process, however that ends, so
 * that no stale lock is left. @throws {STORE_LOCKED}
 */
async function lock(path: string): Promise<() => Promise<void>> {
  const client = open(path);
  try {
    await client.execute('PRAGMA busy_timeout = 0');
    const transaction = await client.transaction('write');
    await transaction.execute('create table if not exists lock (held integer)');
    await transaction.execute('insert into lock values (1)');
    return async () => {
      transaction.close();
      client.close();
    };
  } catch (error) {
    client.close();
    const known = storeError(error);
    throw known.code === 'STORE_LOCKED'
      ? new SottoError('STORE_LOCKED', `another coordinator uses the store ${path.replace(/\.lock$/, '')}`)
      : known;
  }
}
