import { SottoError } from '@sotto/shared/errors';
import type { RandomSource } from '@sotto/shared/random';
import { certificateSchema, revocationListSchema, type Certificate } from '@sotto/shared/protocol';
import { toHex } from '@sotto/shared/vector';
import type { ClientModel } from '../client/client.ts';
import type { RevocationStore } from '../identity/revocations.ts';
import type { ClientLedgerStore } from '../ledger/ledger-store.ts';
import type { RowBeginning } from '../data/numbered-rows.ts';
import { openDatabase, type Database } from './database.ts';
import { createWebLedger, makeLedgerTables } from './web-ledger.ts';

/** An identity as it lies in the browser: a key that cannot be read out where the platform has such, else its seed. */
export type StoredIdentity = {
  /** An Ed25519 private key, not extractable; null where the platform has none. */
  readonly key: CryptoKey | null;
  /** 32 bytes; null where there is a key. */
  readonly seed: Uint8Array | null;
  readonly certificate: Certificate;
};

/** What a client keeps in its browser: who it is, and the books of its data. One tab at a time writes it. */
export type WebStore = {
  /** Names the data source in messages to its owner; 16 random bytes, hex. */
  readonly id: string;
  /** 32 bytes, made once. */
  readonly splitKey: Uint8Array;
  readonly ledger: ClientLedgerStore;
  identity(): Promise<StoredIdentity | null>;
  /** @throws {CONFLICT} when there is one already. */
  saveIdentity(identity: StoredIdentity): Promise<void>;
  readonly revocations: RevocationStore;
  /** What the data began with when their row numbers were first relied on; null before. */
  beginning(): Promise<RowBeginning | null>;
  saveBeginning(beginning: RowBeginning): Promise<void>;
  /** What the person said to a plan; null when it was not asked. */
  consent(planHash: string): Promise<boolean | null>;
  saveConsent(planHash: string, agreed: boolean): Promise<void>;
  model(): Promise<ClientModel | null>;
  saveModel(model: ClientModel): Promise<void>;
  close(): void;
};

const version = 1;

/**
 * Opens a client's store in IndexedDB, and makes it the first time.
 * @param name - belongs to the data: two pages over the same data must name the same.
 * @throws {STORE_TOO_NEW | STORE_FAILED | DISK_FULL}
 */
export async function openWebStore(factory: IDBFactory, name: string, random: RandomSource): Promise<WebStore> {
  const database = await openDatabase(factory, `sotto ${name}`, version, (made) => {
    made.createObjectStore('facts');
    made.createObjectStore('consents');
    makeLedgerTables(made);
  });
  const { id, splitKey } = await sourceOf(database, random);
  const fact = (key: string, value: unknown): Promise<void> =>
    database.write(['facts'], (table) => table('facts').put(value, key));
  return {
    id,
    splitKey,
    ledger: createWebLedger(database),
    async identity() {
      const found = (await database.get('facts', 'identity')) as StoredIdentity | undefined;
      return found === undefined ? null : { ...found, certificate: certificateSchema.parse(found.certificate) };
    },
    async saveIdentity(identity) {
      let taken = false;
      await database.write(['facts'], (table) => {
        const known = table('facts').get('identity');
        known.addEventListener('success', () => {
          taken = known.result !== undefined;
          if (!taken) table('facts').put(identity, 'identity');
        });
      });
      if (taken) throw new SottoError('CONFLICT', `${name}: this client has joined already; use another store`);
    },
    revocations: {
      async load() {
        const kept = await database.get('facts', 'revocations');
        return kept === undefined ? null : revocationListSchema.parse(kept);
      },
      save: (list) => fact('revocations', list),
    },
    beginning: async () => ((await database.get('facts', 'beginning')) as RowBeginning | undefined) ?? null,
    saveBeginning: (beginning) => fact('beginning', beginning),
    consent: async (planHash) => ((await database.get('consents', planHash)) as boolean | undefined) ?? null,
    saveConsent: (planHash, agreed) => database.write(['consents'], (table) => table('consents').put(agreed, planHash)),
    model: async () => ((await database.get('facts', 'model')) as ClientModel | undefined) ?? null,
    saveModel: (model) => fact('model', model),
    close: () => database.close(),
  };
}

type Source = { readonly id: string; readonly splitKey: Uint8Array };

/** Made once: two tabs that open the store for the first time get the same. */
async function sourceOf(database: Database, random: RandomSource): Promise<Source> {
  const fresh: Source = { id: toHex(random.bytes(16)), splitKey: random.bytes(32) };
  await database.write(['facts'], (table) => {
    const known = table('facts').get('source');
    known.addEventListener('success', () => {
      if (known.result === undefined) table('facts').put(fresh, 'source');
    });
  });
  return (await database.get('facts', 'source')) as Source;
}
