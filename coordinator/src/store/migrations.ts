import { SottoError } from '@sotto/shared/errors';
import { sql, type Kysely, type Transaction } from 'kysely';
import type { StoreSchema } from './schema.ts';

type Migration = (database: Transaction<StoreSchema>) => Promise<void>;

/** Forward only: entry i brings a store from version i to i + 1. Entries are never changed once released. */
const migrations: readonly Migration[] = [
  async (database) => {
    const { schema } = database;
    await schema
      .createTable('clients')
      .addColumn('client', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('voucher_key', 'text', (column) => column.notNull())
      .addColumn('certificate', 'text', (column) => column.notNull())
      .addColumn('enrolled_at', 'bigint', (column) => column.notNull())
      .execute();
    await schema.createIndex('clients_by_voucher').on('clients').column('voucher_key').execute();
    await schema
      .createTable('revocation_lists')
      .addColumn('number', 'bigint', (column) => column.primaryKey())
      .addColumn('list', 'text', (column) => column.notNull())
      .execute();
    await schema
      .createTable('runs')
      .addColumn('run_id', 'text', (column) => column.primaryKey())
      .addColumn('plan_hash', 'text', (column) => column.notNull().unique())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('signed_plan_blob', 'text', (column) => column.notNull())
      .addColumn('submitted_at', 'bigint', (column) => column.notNull())
      .execute();
    await schema
      .createTable('run_events')
      .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
      .addColumn('sequence', 'integer', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('run_events_key', ['run_id', 'sequence'])
      .execute();
    await schema
      .createTable('charges')
      .addColumn('plan_hash', 'text', (column) => column.notNull())
      .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
      .addColumn('round', 'integer', (column) => column.notNull())
      .addColumn('slot', 'text', (column) => column.notNull())
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('event', 'text')
      .addColumn('charged_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('charges_key', ['plan_hash', 'round', 'slot', 'attempt'])
      .execute();
    await schema
      .createTable('transcript')
      .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
      .addColumn('sequence', 'integer', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('entry', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('transcript_key', ['run_id', 'sequence'])
      .execute();
    await schema
      .createTable('releases')
      .addColumn('run_id', 'text', (column) => column.notNull().references('runs.run_id'))
      .addColumn('round', 'integer', (column) => column.notNull())
      .addColumn('attempt', 'integer', (column) => column.notNull())
      .addColumn('sum_blob', 'text', (column) => column.notNull())
      .addColumn('model_blob', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('releases_key', ['run_id', 'attempt'])
      .execute();
    await schema
      .createTable('checkpoints')
      .addColumn('run_id', 'text', (column) => column.primaryKey().references('runs.run_id'))
      .addColumn('round', 'integer', (column) => column.notNull())
      .addColumn('state_blob', 'text', (column) => column.notNull())
      .addColumn('model_blob', 'text', (column) => column.notNull())
      .execute();
  },
];

/** Version that this build writes. */
export const storeVersion = migrations.length;

/**
 * Brings the store to this build's version, each step in a transaction.
 * @throws {STORE_TOO_NEW} when a newer build wrote it.
 */
export async function migrate(database: Kysely<StoreSchema>): Promise<void> {
  await sql`create table if not exists schema_version (version integer not null)`.execute(database);
  const row = await database.selectFrom('schema_version').select('version').executeTakeFirst();
  const version = row?.version ?? 0;
  if (version > storeVersion) {
    throw new SottoError('STORE_TOO_NEW', `the store has version ${version}, this build knows up to ${storeVersion}`);
  }
  for (let next = version; next < storeVersion; next++) {
    await database.transaction().execute(async (transaction) => {
      await migrations[next]?.(transaction);
      await transaction.deleteFrom('schema_version').execute();
      await transaction
        .insertInto('schema_version')
        .values({ version: next + 1 })
        .execute();
    });
  }
}
