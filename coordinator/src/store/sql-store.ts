import { mechanismEventSchema, slotNames } from '@sotto/shared/privacy';
import { certificateSchema, revocationListSchema } from '@sotto/shared/protocol';
import { SottoError } from '@sotto/shared/errors';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { z } from 'zod';
import type { StoreSchema } from './schema.ts';
import { storeError } from './store-errors.ts';
import type { ChargeRecord, ClientRecord, RunCommit, RunRecord, Store } from './store.ts';

const slotSchema = z.enum(slotNames);

/** The store over any Kysely database; `close` also ends what `beforeClose` holds. */
export function createSqlStore(database: Kysely<StoreSchema>, beforeClose: () => Promise<void>): Store {
  /** Database errors never leave as they are. */
  async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw storeError(error);
    }
  }

  function inTransaction<Result>(work: (transaction: Transaction<StoreSchema>) => Promise<Result>): Promise<Result> {
    return guarded(() => database.transaction().execute(work));
  }

  return {
    enrol: (record, quota) =>
      inTransaction(async (transaction) => {
        const known = await transaction
          .selectFrom('clients')
          .select('client')
          .where('client', '=', record.client)
          .executeTakeFirst();
        if (known !== undefined) return 'known';
        const { voucherKey } = record.certificate.voucher;
        const used = await transaction
          .selectFrom('clients')
          .select(({ fn }) => fn.countAll().as('used'))
          .where('voucher_key', '=', voucherKey)
          .executeTakeFirstOrThrow();
        if (Number(used.used) >= quota) return 'quotaUsed';
        await transaction
          .insertInto('clients')
          .values({
            client: record.client,
            name: record.name,
            voucher_key: voucherKey,
            certificate: JSON.stringify(record.certificate),
            enrolled_at: record.enrolledAt,
          })
          .execute();
        return 'enrolled';
      }),
    clients: () =>
      guarded(async () => (await database.selectFrom('clients').selectAll().orderBy('client').execute()).map(clientOf)),
    client: (client) =>
      guarded(async () => {
        const row = await database.selectFrom('clients').selectAll().where('client', '=', client).executeTakeFirst();
        return row === undefined ? null : clientOf(row);
      }),
    setRevocations: (list) =>
      inTransaction(async (transaction) => {
        const newest = await transaction
          .selectFrom('revocation_lists')
          .select(({ fn }) => fn.max('number').as('number'))
          .executeTakeFirst();
        if (newest?.number != null && list.number <= Number(newest.number)) return false;
        await transaction
          .insertInto('revocation_lists')
          .values({ number: list.number, list: JSON.stringify(list) })
          .execute();
        return true;
      }),
    revocations: () =>
      guarded(async () => {
        const row = await database
          .selectFrom('revocation_lists')
          .select('list')
          .orderBy('number', 'desc')
          .limit(1)
          .executeTakeFirst();
        return row === undefined ? null : revocationListSchema.parse(JSON.parse(row.list));
      }),
    commit: (commit) => inTransaction((transaction) => write(transaction, commit)),
    runs: () =>
      guarded(async () =>
        (await database.selectFrom('runs').selectAll().orderBy('submitted_at').orderBy('run_id').execute()).map(runOf),
      ),
    run: (runId) =>
      guarded(async () => {
        const row = await database.selectFrom('runs').selectAll().where('run_id', '=', runId).executeTakeFirst();
        return row === undefined ? null : runOf(row);
      }),
    events: (runId, from = 0) =>
      guarded(async () => {
        const rows = await database
          .selectFrom('run_events')
          .select('event')
          .where('run_id', '=', runId)
          .where('sequence', '>=', from)
          .orderBy('sequence')
          .execute();
        return rows.map((row) => row.event);
      }),
    charges: (runId) =>
      guarded(async () => {
        const rows = await database
          .selectFrom('charges')
          .selectAll()
          .where('run_id', '=', runId)
          .orderBy('attempt')
          .orderBy('slot', 'desc')
          .execute();
        return rows.map(chargeOf);
      }),
    transcript: (runId) =>
      guarded(() =>
        database
          .selectFrom('transcript')
          .select(['sequence', 'hash', 'entry'])
          .where('run_id', '=', runId)
          .orderBy('sequence')
          .execute(),
      ),
    releases: (runId) =>
      guarded(async () => {
        const rows = await database
          .selectFrom('releases')
          .selectAll()
          .where('run_id', '=', runId)
          .orderBy('attempt')
          .execute();
        return rows.map((row) => ({
          runId: row.run_id,
          round: row.round,
          attempt: row.attempt,
          sumBlob: row.sum_blob,
          modelBlob: row.model_blob,
        }));
      }),
    checkpoint: (runId) =>
      guarded(async () => {
        const row = await database.selectFrom('checkpoints').selectAll().where('run_id', '=', runId).executeTakeFirst();
        if (row === undefined) return null;
        return { runId: row.run_id, round: row.round, stateBlob: row.state_blob, modelBlob: row.model_blob };
      }),
    async close() {
      await beforeClose();
      await database.destroy();
    },
  };
}

async function write(transaction: Transaction<StoreSchema>, commit: RunCommit): Promise<void> {
  const { runId, sequence, event, run, charges = [], transcript, release, checkpoint } = commit;
  if (run !== undefined) {
    await transaction
      .insertInto('runs')
      .values({
        run_id: run.runId,
        plan_hash: run.planHash,
        name: run.name,
        signed_plan_blob: run.signedPlanBlob,
        submitted_at: run.submittedAt,
      })
      .execute();
  }
  const newest = await transaction
    .selectFrom('run_events')
    .select(({ fn }) => fn.max('sequence').as('sequence'))
    .where('run_id', '=', runId)
    .executeTakeFirst();
  const expected = newest?.sequence == null ? 0 : Number(newest.sequence) + 1;
  if (sequence !== expected) throw new SottoError('CONFLICT', `run ${runId}: event ${sequence}, expected ${expected}`);
  if (sequence === 0 && run === undefined) throw new SottoError('CONFLICT', `there is no run ${runId}`);
  await transaction.insertInto('run_events').values({ run_id: runId, sequence, event }).execute();
  for (const charge of charges) {
    await transaction
      .insertInto('charges')
      .values({
        plan_hash: charge.planHash,
        run_id: charge.runId,
        round: charge.round,
        slot: charge.slot,
        attempt: charge.attempt,
        event: charge.event === null ? null : JSON.stringify(charge.event),
        charged_at: charge.chargedAt,
      })
      .execute();
  }
  if (transcript !== undefined) {
    await transaction
      .insertInto('transcript')
      .values({ run_id: runId, sequence: transcript.sequence, hash: transcript.hash, entry: transcript.entry })
      .execute();
  }
  if (release !== undefined) {
    await transaction
      .insertInto('releases')
      .values({
        run_id: runId,
        round: release.round,
        attempt: release.attempt,
        sum_blob: release.sumBlob,
        model_blob: release.modelBlob,
      })
      .execute();
  }
  if (checkpoint !== undefined) {
    const values = { round: checkpoint.round, state_blob: checkpoint.stateBlob, model_blob: checkpoint.modelBlob };
    await transaction
      .insertInto('checkpoints')
      .values({ run_id: runId, ...values })
      .onConflict((conflict) => conflict.column('run_id').doUpdateSet(values))
      .execute();
  }
}

function clientOf(row: Selectable<StoreSchema['clients']>): ClientRecord {
  return {
    client: row.client,
    name: row.name,
    certificate: certificateSchema.parse(JSON.parse(row.certificate)),
    enrolledAt: Number(row.enrolled_at),
  };
}

function runOf(row: Selectable<StoreSchema['runs']>): RunRecord {
  return {
    runId: row.run_id,
    planHash: row.plan_hash,
    name: row.name,
    signedPlanBlob: row.signed_plan_blob,
    submittedAt: Number(row.submitted_at),
  };
}

function chargeOf(row: Selectable<StoreSchema['charges']>): ChargeRecord {
  return {
    planHash: row.plan_hash,
    runId: row.run_id,
    round: row.round,
    slot: slotSchema.parse(row.slot),
    attempt: row.attempt,
    event: row.event === null ? null : mechanismEventSchema.parse(JSON.parse(row.event)),
    chargedAt: Number(row.charged_at),
  };
}
