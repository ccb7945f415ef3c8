import { SottoError } from '@sotto/shared/errors';

/** A browser's database in promises: each transaction resolves when what it wrote is on disk. */
export type Database = {
  /** One value; undefined where there is none. */
  get(table: string, key: string): Promise<unknown>;
  /** All values of a table, by key. */
  all(table: string): Promise<readonly unknown[]>;
  /**
   * Writes in one transaction, all or nothing, and resolves when the platform says that it is on disk.
   * @param work - may issue requests on the tables, and read in their callbacks; throws nothing
   * @throws {DISK_FULL | STORE_FAILED} when nothing was written.
   */
  write(tables: readonly string[], work: (table: (name: string) => IDBObjectStore) => void): Promise<void>;
  close(): void;
};

/**
 * Opens a database, and makes its tables where they are missing.
 * @param make - called in the transaction that raises the version
 * @throws {STORE_TOO_NEW} when a newer version of this package wrote it; {STORE_FAILED} when the browser keeps none, as in some private windows.
 */
export async function openDatabase(
  factory: IDBFactory,
  name: string,
  version: number,
  make: (database: IDBDatabase) => void,
): Promise<Database> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const asked = factory.open(name, version);
    asked.addEventListener('upgradeneeded', () => make(asked.result));
    asked.addEventListener('success', () => resolve(asked.result));
    asked.addEventListener('error', () => reject(failure(name, asked.error)));
  }).catch((error: unknown) => {
    throw failure(name, error);
  });
  // Another tab brings a newer version of the page: it must not wait for this one.
  database.addEventListener('versionchange', () => database.close());
  return {
    get: (table, key) => read(database, name, table, (store) => store.get(key)),
    all: (table) => read(database, name, table, (store) => store.getAll()) as Promise<readonly unknown[]>,
    write: (tables, work) =>
      new Promise<void>((resolve, reject) => {
        // The default lets the operating system write later: a charge that a power failure takes back was never made.
        const transaction = database.transaction([...tables], 'readwrite', { durability: 'strict' });
        transaction.addEventListener('complete', () => resolve());
        transaction.addEventListener('abort', () => reject(failure(name, transaction.error)));
        work((table) => transaction.objectStore(table));
      }).catch((error: unknown) => {
        throw failure(name, error);
      }),
    close: () => database.close(),
  };
}

function read(
  database: IDBDatabase,
  name: string,
  table: string,
  ask: (store: IDBObjectStore) => IDBRequest,
): Promise<unknown> {
  return new Promise<unknown>((resolve, reject) => {
    const asked = ask(database.transaction(table, 'readonly').objectStore(table));
    asked.addEventListener('success', () => resolve(asked.result));
    asked.addEventListener('error', () => reject(failure(name, asked.error)));
  }).catch((error: unknown) => {
    throw failure(name, error);
  });
}

function failure(name: string, error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  const kind = error instanceof DOMException ? error.name : '';
  const reason = error instanceof Error ? error.message : String(error);
  if (kind === 'QuotaExceededError') return new SottoError('DISK_FULL', `${name}: ${reason}`);
  if (kind === 'VersionError') return new SottoError('STORE_TOO_NEW', `${name}: ${reason}`);
  return new SottoError('STORE_FAILED', `${name}: ${kind} ${reason}`.trim());
}
