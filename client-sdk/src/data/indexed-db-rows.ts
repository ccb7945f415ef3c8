import { SottoError } from '@sotto/shared/errors';
import { objectCells } from './object-rows.ts';
import type { RowSource } from './row-source.ts';

/** Where the rows lie: an object store whose values are objects with a key for each column. */
export type ObjectStorePlace = { readonly database: string; readonly store: string };

/** `IDBFactory` and what hangs on it, as far as it is used here; typed here, since the package is built for Node as well. */
type Request<T> = {
  readonly result: T;
  readonly error: { readonly name: string } | null;
  readonly transaction?: { abort(): void } | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
  onblocked?: (() => void) | null;
  onupgradeneeded?: (() => void) | null;
};
type Database = {
  readonly objectStoreNames: { contains(name: string): boolean };
  transaction(store: string, mode: 'readonly'): { objectStore(name: string): ObjectStore };
  close(): void;
};
type ObjectStore = {
  getAll(range: unknown, count: number): Request<readonly unknown[]>;
  getAllKeys(range: unknown, count: number): Request<readonly unknown[]>;
};
type IndexedDbPlatform = {
  readonly indexedDB?: { open(name: string): Request<Database> };
  readonly IDBKeyRange?: { lowerBound(key: unknown, open: boolean): unknown };
};

/** Values that are read at once: a transaction ends by itself between two turns, so each block has its own. */
const rowsAtOnce = 256;

/** The objects of a store in the order of their keys. What is added or taken away meanwhile may or may not be seen. */
export function indexedDbRows({ database, store }: ObjectStorePlace): RowSource {
  const name = `${database}/${store}`;
  return {
    name,
    async *rows(columns) {
      const cells = objectCells(columns);
      const platform = globalThis as unknown as IndexedDbPlatform;
      const opened = await open(platform, database, store);
      try {
        let row = 0;
        let range: unknown = null;
        for (;;) {
          const objects = opened.transaction(store, 'readonly').objectStore(store);
          const [values, keys] = await Promise.all([
            answer(objects.getAll(range, rowsAtOnce), name),
            answer(objects.getAllKeys(range, rowsAtOnce), name),
          ]);
          for (const value of values) yield cells.of(value, `object ${++row}`);
          if (keys.length < rowsAtOnce) break;
          range = platform.IDBKeyRange?.lowerBound(keys.at(-1), true);
        }
        cells.end();
      } finally {
        opened.close();
      }
    },
  };
}

async function open(platform: IndexedDbPlatform, name: string, store: string): Promise<Database> {
  const factory = platform.indexedDB;
  if (factory === undefined) throw new SottoError('UNSUPPORTED', 'this platform has no IndexedDB');
  const request = factory.open(name);
  // A database that is not there would be made: that is undone, so that a misspelt name leaves nothing behind.
  let absent = false;
  request.onupgradeneeded = () => {
    absent = true;
    request.transaction?.abort();
  };
  const missing = new SottoError('NOT_FOUND', `there is no IndexedDB object store "${store}" in a database "${name}"`);
  let opened: Database;
  try {
    opened = await answer(request, name);
  } catch (error) {
    throw absent ? missing : error;
  }
  if (opened.objectStoreNames.contains(store)) return opened;
  opened.close();
  throw missing;
}

function answer<T>(request: Request<T>, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () =>
      reject(new SottoError('STORE_FAILED', `IndexedDB ${name}: ${request.error?.name ?? 'unknown error'}`));
  });
}
