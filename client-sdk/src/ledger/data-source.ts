import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient, LibsqlError, type Client, type InStatement } from '@libsql/client/sqlite3';
import { SottoError } from '@sotto/shared/errors';
import { chargeKey, type LedgerCharge } from '@sotto/shared/privacy';
import { fromHex } from '@sotto/shared/vector';
import { chargeLineSchema } from './charge-line.ts';
import type { ClientLedgerStore } from './ledger-store.ts';
import { checkRowNumbers } from './row-numbers.ts';

/** What lies beside the data: its id, the key of its split and its books. Held by one process at a time. */
export type DataSource = {
  /** Names the data source in messages to its owner; 16 random bytes, hex. */
  readonly id: string;
  /** 32 bytes, made once. */
  readonly splitKey: Uint8Array;
  readonly ledger: ClientLedgerStore;
  /**
   * For a file whose rows are known by their numbers: checks that these still mean the same rows, and remembers the file.
   * @throws {DATA_INVALID} when rows were taken out, put in or changed before the end.
   */
  keepRowNumbers(path: string): Promise<void>;
  close(): Promise<void>;
};

const schemaVersion = 1;

const schema: readonly string[] = [
  `CREATE TABLE source (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    split_key TEXT NOT NULL,
    ledger_order REAL,
    split_validation REAL,
    split_test REAL
  )`,
  `CREATE TABLE charges (seq INTEGER PRIMARY KEY, charge_key TEXT NOT NULL UNIQUE, line TEXT NOT NULL)`,
  `CREATE TABLE marks (plan_hash TEXT PRIMARY KEY, attempt INTEGER NOT NULL)`,
];

/** Made where they are missing. */
const laterTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS row_numbers (
    one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL, hash TEXT NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS unprotected (plan_hash TEXT PRIMARY KEY, uploads INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS unit (one INTEGER PRIMARY KEY CHECK (one = 1), told_by TEXT NOT NULL)`,
];

/**
 * Opens the books in a folder, and makes them the first time. What a commit acknowledges survives a killed process and a lost power
 * supply (write-ahead log, synchronous FULL); the lock ends with the process that holds it.
 *
 * @param folder - belongs to the data source: two nodes over the same data must name the same folder.
 * @throws {STORE_LOCKED} when another process holds it.
 * @throws {STORE_TOO_NEW} when a newer version wrote it.
 */
export async function openDataSource(folder: string): Promise<DataSource> {
  const path = join(folder, 'books.db');
  await storing(path, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  });
  const unlock = await lock(folder);
  try {
    const database = await storing(path, async () => createClient({ url: pathToFileURL(path).href, concurrency: 1 }));
    const close = async (): Promise<void> => {
      database.close();
      await unlock();
    };
    try {
      const source = await storing(path, async () => prepare(database, path));
      await chmod(path, 0o600);
      return {
        ...source,
        ledger: ledgerOf(database, path),
        keepRowNumbers: (file) => keepRowNumbers(database, path, file),
        close,
      };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * Takes the data source for this process: an open write transaction on a database of its own, which the operating system ends with the
 * process, however it dies. A lock on the books themselves would outlast their closing until the garbage collector comes by.
 */
async function lock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock.db');
  return storing(path, async () => {
    const database = createClient({ url: pathToFileURL(path).href, concurrency: 1 });
    try {
      await database.execute('PRAGMA busy_timeout = 500');
      const held = await database.transaction('write');
      return async () => {
        await held.rollback();
        database.close();
      };
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

async function prepare(database: Client, path: string): Promise<{ id: string; splitKey: Uint8Array }> {
  await database.execute('PRAGMA busy_timeout = 500');
  await database.execute('PRAGMA journal_mode = WAL');
  await database.execute('PRAGMA synchronous = FULL');
  const version = Number((await database.execute('PRAGMA user_version')).rows[0]?.[0] ?? 0);
  if (version > schemaVersion) {
    throw new SottoError('STORE_TOO_NEW', `${path}: version ${version}, this is version ${schemaVersion}`);
  }
  if (version === 0) {
    const first: InStatement = {
      sql: 'INSERT INTO source (one, id, split_key) VALUES (1, ?, ?)',
      args: [randomBytes(16).toString('hex'), randomBytes(32).toString('hex')],
    };
    await database.batch([...schema, first, `PRAGMA user_version = ${schemaVersion}`], 'write');
  }
  await database.batch([...laterTables], 'write');
  const row = (await database.execute('SELECT id, split_key FROM source')).rows[0];
  if (row === undefined) throw new SottoError('STORE_FAILED', `${path}: the table source is empty`);
  return { id: String(row['id']), splitKey: fromHex(String(row['split_key'])) };
}

function ledgerOf(database: Client, path: string): ClientLedgerStore {
  return {
    load: () =>
      storing(path, async () => {
        const source = (await database.execute('SELECT ledger_order, split_validation, split_test FROM source'))
          .rows[0];
        const lines = (await database.execute('SELECT line FROM charges ORDER BY seq')).rows;
        const marks = (await database.execute('SELECT plan_hash, attempt FROM marks')).rows;
        const unprotected = (await database.execute('SELECT plan_hash, uploads FROM unprotected')).rows;
        const unit = (await database.execute('SELECT told_by FROM unit')).rows[0];
        const validation = source?.['split_validation'] ?? null;
        const test = source?.['split_test'] ?? null;
        const order = source?.['ledger_order'] ?? null;
        return {
          order: order === null ? null : Number(order),
          split: validation === null || test === null ? null : { validation: Number(validation), test: Number(test) },
          unit: unit === undefined ? null : String(unit['told_by']),
          charges: lines.map((row): LedgerCharge => chargeLineSchema.parse(JSON.parse(String(row['line'])))),
          marks: new Map(marks.map((row) => [String(row['plan_hash']), Number(row['attempt'])])),
          unprotected: new Map(unprotected.map((row) => [String(row['plan_hash']), Number(row['uploads'])])),
        };
      }),
    pin: ({ order, split, unit }) =>
      storing(path, async () => {
        const fixed: InStatement = {
          sql: `UPDATE source SET ledger_order = coalesce(ledger_order, ?),
                  split_test = CASE WHEN split_validation IS NULL THEN ? ELSE split_test END,
                  split_validation = coalesce(split_validation, ?)`,
          args: [order ?? null, split?.test ?? null, split?.validation ?? null],
        };
        const told: InStatement = {
          sql: 'INSERT OR IGNORE INTO unit (one, told_by) VALUES (1, ?)',
          args: [unit ?? ''],
        };
        await database.batch(unit === undefined ? [fixed] : [fixed, told], 'write');
      }),
    commit: (charges, mark) =>
      storing(path, async () => {
        const lines = charges.map((charge): InStatement => ({
          sql: 'INSERT INTO charges (charge_key, line) VALUES (?, ?)',
          args: [chargeKey(charge), JSON.stringify(charge)],
        }));
        const raise: InStatement = {
          sql: `INSERT INTO marks (plan_hash, attempt) VALUES (?, ?)
                ON CONFLICT (plan_hash) DO UPDATE SET attempt = max(attempt, excluded.attempt)`,
          args: [mark.planHash, mark.attempt],
        };
        const bare: InStatement = {
          sql: `INSERT INTO unprotected (plan_hash, uploads) VALUES (?, 1)
                ON CONFLICT (plan_hash) DO UPDATE SET uploads = uploads + 1`,
          args: [mark.planHash],
        };
        await database.batch([...lines, ...(mark.unprotected ? [bare] : []), raise], 'write');
      }),
  };
}

async function keepRowNumbers(database: Client, path: string, file: string): Promise<void> {
  const row = await storing(path, async () => {
    return (await database.execute('SELECT bytes, hash FROM row_numbers')).rows[0];
  });
  const known = row === undefined ? null : { bytes: Number(row['bytes']), hash: String(row['hash']) };
  const { bytes, hash } = await checkRowNumbers(file, known);
  await storing(path, () =>
    database.execute({
      sql: 'INSERT OR REPLACE INTO row_numbers (one, bytes, hash) VALUES (1, ?, ?)',
      args: [bytes, hash],
    }),
  );
}

/** Runs a database operation and gives its failure a code. */
async function storing<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof SottoError) throw error;
    const code = error instanceof LibsqlError ? `${error.code} ${error.extendedCode ?? ''}` : systemCode(error);
    if (/BUSY|LOCKED/.test(code)) {
      throw new SottoError('STORE_LOCKED', `${path}: another process uses this data source`);
    }
    if (/FULL|ENOSPC|EDQUOT/.test(code)) throw new SottoError('DISK_FULL', `${path}: ${code.trim()}`);
    const message = error instanceof Error ? error.message : String(error);
    throw new SottoError('STORE_FAILED', `${path}: ${message}`);
  }
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
