import type { CryptoPort } from '@sotto/shared/crypto';
import { isSottoError, SottoError } from '@sotto/shared/errors';
import type { DataSchema, Plan, Policy } from '@sotto/shared/plan';
import type { RandomSource } from '@sotto/shared/random';
import type { ClientModel } from '../client/client.ts';
import type { ConsentRequest } from '../client/consent.ts';
import { createEnding, runUntilEnded } from '../client/ending.ts';
import { fetchModel } from '../client/fetch-model.ts';
import type { Notice } from '../client/notices.ts';
import { rememberedConsent } from '../client/remembered-consent.ts';
import { createRevocations } from '../identity/revocations.ts';
import { openClientBooks } from '../ledger/client-books.ts';
import type { NodeResult } from '../node-config.ts';
import { createWebTransport } from '../platform/web-transport.ts';
import { openClientDriver } from '../session/driver.ts';
import type { ClientDriver, ClientNotice } from '../session/ports.ts';
import type { WebData } from './read-data.ts';
import { openRowsApart, type RowsApart } from './rows-apart.ts';
import { createWebClock, nextTurn } from './web-clock.ts';
import { sumIdentityOf } from './web-identity.ts';
import type { WebStore } from './web-store.ts';

export type WebRun = {
  readonly data: WebData;
  readonly schema: DataSchema;
  readonly policy: Policy;
  readonly once: boolean;
  /** Null: the policy alone decides. */
  readonly ask: ((request: ConsentRequest) => Promise<boolean>) | null;
  readonly notify: (notice: Notice) => void;
  readonly startRowWorker: () => Worker;
};

export type WebPlatform = { readonly subtle: SubtleCrypto; readonly crypto: CryptoPort; readonly random: RandomSource };

export type RunningWebClient = {
  readonly driver: Pick<ClientDriver, 'pause' | 'resume'>;
  readonly done: Promise<NodeResult>;
  close(): Promise<void>;
};

/**
 * Starts a client in this worker; the store is held by this tab.
 * @throws {NOT_FOUND} when the store has not joined; {DATA_INVALID} as `readData`.
 */
export async function runWebClient(store: WebStore, run: WebRun, platform: WebPlatform): Promise<RunningWebClient> {
  const { crypto, random, subtle } = platform;
  const { notify, policy, schema } = run;
  const identity = await store.identity();
  if (identity === null) throw new SottoError('NOT_FOUND', 'this client has not joined a federation: call join first');
  const { authority, coordinator } = identity.certificate.voucher;
  // Before anybody is spoken with: how long this takes depends on how many rows there are.
  const rows = await readRows(store, run);
  try {
    const books = await openClientBooks(store.ledger, policy.budget);
    notify({
      type: 'books',
      dataSource: store.id,
      epsilonSpent: books.epsilon(),
      epsilonBudget: policy.budget.epsilon,
      unprotectedUploads: books.unprotectedUploads(),
    });
    const clock = createWebClock();
    const own = sumIdentityOf(identity, subtle, crypto);
    const transport = createWebTransport({ coordinator, identity: own, clock });
    const ending = createEnding(run.once);
    const keep = (plan: Plan, modelHash: string, runId: string): Promise<null> =>
      keepModel(store, fetchModel(transport, crypto, { plan, modelHash, runId }), notify);
    const driver = await openClientDriver(
      {
        clock,
        transport,
        crypto,
        random,
        identity: own,
        authority,
        policy,
        ledger: store.ledger,
        revocations: createRevocations(authority, () => transport.fetchRevocations(), store.revocations),
        data: { schema },
        createContributor: (plan, chosen) =>
          rows.thread.begin(plan, own.client, (choice) => chosen({ ...choice, machineBytes: null })),
        ...(run.ask === null ? {} : { consent: rememberedConsent(store, run.ask) }),
        notify: (notice: ClientNotice) => {
          notify(notice);
          ending.notice(notice, keep);
        },
        pause: nextTurn,
      },
      // With the accountant, which is not needed before a plan is offered.
      async (...offered) => (await import('../session/check-offer.ts')).checkOffer(...offered),
    );
    notify({ type: 'connecting', coordinator });
    transport.start({
      received: (message) => driver.received(message),
      connected: () => driver.connected(),
      disconnected: () => driver.disconnected(),
      retrying: (code, reason) => notify({ type: 'retrying', code, reason }),
      failed: (error) => ending.fail(error),
    });
    const running = runUntilEnded(ending, async () => {
      await driver.close();
      await rows.thread.close();
      await transport.close();
    });
    return { driver, ...running };
  } catch (error) {
    await rows.thread.close();
    throw error;
  }
}

async function readRows(store: WebStore, { data, schema, notify, startRowWorker }: WebRun): Promise<RowsApart> {
  const known = schema.unitId === null ? await store.beginning() : null;
  const request = { type: 'read', data, schema, splitKey: store.splitKey, known } as const;
  const rows = await openRowsApart(startRowWorker, request, (choice) =>
    notify({ type: 'engine', runId: null, ...choice, memoryBytes: null }),
  );
  const { name, report, beginning } = rows.read;
  notify({ type: 'dataRead', file: name, report, inFile: false });
  if (beginning !== null) await store.saveBeginning(beginning);
  return rows;
}

/** Keeps the model that a run ended with: its page can use it when the line is down. */
async function keepModel(
  store: WebStore,
  fetched: Promise<ClientModel>,
  notify: (notice: Notice) => void,
): Promise<null> {
  try {
    const model = await fetched;
    await store.saveModel(model);
    notify({ type: 'modelKept', runId: model.runId, modelHash: model.modelHash });
  } catch (error) {
    const code = isSottoError(error) ? error.code : 'INTERNAL';
    notify({ type: 'retrying', code, reason: `the final model could not be kept: ${String(error)}` });
  }
  return null;
}
