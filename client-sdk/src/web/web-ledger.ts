import type { Plan } from '@sotto/shared/plan';
import { chargeKey } from '@sotto/shared/privacy';
import { chargeLineSchema } from '../ledger/charge-line.ts';
import type { ClientLedgerStore } from '../ledger/ledger-store.ts';
import type { Database } from './database.ts';

type Fixed = {
  readonly order: number | null;
  readonly split: Plan['split'] | null;
  readonly unit: string | null;
};
type Mark = { readonly planHash: string; readonly attempt: number };
type Bare = { readonly planHash: string; readonly uploads: number };

const tables = { fixed: 'ledger', charges: 'charges', marks: 'marks', unprotected: 'unprotected' } as const;

export function makeLedgerTables(database: IDBDatabase): void {
  database.createObjectStore(tables.fixed);
  // Numbered, so that they come back in the order in which they were made.
  database
    .createObjectStore(tables.charges, { keyPath: 'seq', autoIncrement: true })
    .createIndex('key', 'key', { unique: true });
  database.createObjectStore(tables.marks, { keyPath: 'planHash' });
  database.createObjectStore(tables.unprotected, { keyPath: 'planHash' });
}

/** The books of a data source in IndexedDB. */
export function createWebLedger(database: Database): ClientLedgerStore {
  return {
    async load() {
      const [fixed, charges, marks, unprotected] = await Promise.all([
        database.get(tables.fixed, 'fixed') as Promise<Fixed | undefined>,
        database.all(tables.charges) as Promise<readonly { readonly line: unknown }[]>,
        database.all(tables.marks) as Promise<readonly Mark[]>,
        database.all(tables.unprotected) as Promise<readonly Bare[]>,
      ]);
      return {
        order: fixed?.order ?? null,
        split: fixed?.split ?? null,
        unit: fixed?.unit ?? null,
        charges: charges.map(({ line }) => chargeLineSchema.parse(line)),
        marks: new Map(marks.map(({ planHash, attempt }) => [planHash, attempt])),
        unprotected: new Map(unprotected.map(({ planHash, uploads }) => [planHash, uploads])),
      };
    },
    pin: ({ order, split, unit }) =>
      database.write([tables.fixed], (table) => {
        changed<Fixed>(table(tables.fixed), 'fixed', (known) => ({
          order: known?.order ?? order ?? null,
          split: known?.split ?? split ?? null,
          unit: known?.unit ?? unit ?? null,
        }));
      }),
    commit: (charges, { planHash, attempt, unprotected }) =>
      database.write([tables.charges, tables.marks, tables.unprotected], (table) => {
        // One that is booked already breaks the index, and with it the whole transaction.
        for (const charge of charges) table(tables.charges).add({ key: chargeKey(charge), line: charge });
        if (unprotected === true) {
          changed<Bare>(table(tables.unprotected), planHash, (known) => ({
            planHash,
            uploads: (known?.uploads ?? 0) + 1,
          }));
        }
        changed<Mark>(table(tables.marks), planHash, (known) => ({
          planHash,
          attempt: Math.max(known?.attempt ?? 0, attempt),
        }));
      }),
  };
}

/** Reads a value and puts what becomes of it, within the transaction. */
function changed<T>(table: IDBObjectStore, key: string, change: (known: T | undefined) => T): void {
  const known = table.get(key) as IDBRequest<T | undefined>;
  known.addEventListener('success', () => {
    const value = change(known.result);
    if (table.keyPath === null) table.put(value, key);
    else table.put(value);
  });
}
