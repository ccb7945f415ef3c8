import { SottoError } from '@sotto/shared/errors';
import { Kysely, PostgresDialect } from 'kysely';
import type Pg from 'pg';
import { migrate } from './migrations.ts';
import type { StoreSchema } from './schema.ts';
import { createSqlStore } from './sql-store.ts';
import { storeError } from './store-errors.ts';
import type { Store } from './store.ts';

/** Names the coordinator's advisory lock in a database; any fixed number. */
const lockNumber = 7_368_411;

/**
 * The store in a PostgreSQL database.
 * @param url - `postgres://user:password@host/database`
 * @param access - `write` holds the database's advisory lock until closed.
 * @throws {STORE_LOCKED} {STORE_TOO_NEW} {STORE_FAILED}
 */
export async function openPostgresStore(url: string, access: 'write' | 'read' = 'write'): Promise<Store> {
  // Loaded here, since most coordinators never need it.
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // A connection that the server ends while it is idle is replaced at the next use.
  pool.on('error', () => undefined);
  const database = new Kysely<StoreSchema>({ dialect: new PostgresDialect({ pool }) });
  let unlock = async () => {};
  try {
    if (access === 'write') unlock = await lock(pg, url);
    await migrate(database);
    return createSqlStore(database, unlock);
  } catch (error) {
    await unlock();
    await database.destroy();
    throw storeError(error);
  }
}

/** A session lock on a connection of its own: the server frees it when the process ends. @throws {STORE_LOCKED} */
async function lock(pg: typeof Pg, url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const answer = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [lockNumber]);
  if (answer.rows[0]?.held !== true) {
    await client.end();
    throw new SottoError('STORE_LOCKED', 'another coordinator uses this database');
  }
  return () => client.end();
}
