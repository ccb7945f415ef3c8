import { totalmem } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { isSottoError, SottoError } from '@sotto/shared/errors';
import type { ClientModel } from './client/client.ts';
import { createEnding, runUntilEnded } from './client/ending.ts';
import { fetchModel } from './client/fetch-model.ts';
import type { UnitTable } from './data/index.ts';
import { defaultMemoryBytes } from './data/memory-limit.ts';
import { placeUnits, releaseTable, releaseUnits, type NodeTable } from './data/node-units.ts';
import { readUnitsInto } from './data/read-units.ts';
import { booksBeside, numberedBy, rowsAt, type AddressedRows } from './data/sources.ts';
import { rowsWithin } from './data/stored-rows.ts';
import { loadIdentity, type NodeIdentity } from './identity/node-identity.ts';
import { createNodeRevocations } from './identity/node-revocations.ts';
import { createRevocations } from './identity/revocations.ts';
import { openClientBooks } from './ledger/client-books.ts';
import { openDataSource } from './ledger/data-source.ts';
import type { NodeConfig, RunningNode } from './node-config.ts';
import { createNodeClock } from './platform/node-clock.ts';
import { createNodeTransport } from './platform/node-transport.ts';
import { scoreLocally, type LocalScore } from './scoring/local-score.ts';
import { createClientDriver, type ClientNotice } from './session/index.ts';
import { createContributionThread } from './training/index.ts';

export { joinFederation, type Joined } from './identity/join.ts';
export { loadIdentity, type NodeIdentity } from './identity/node-identity.ts';
export { openDataSource, type DataSource } from './ledger/data-source.ts';
export type { NodeConfig, NodeNotice, NodeResult, RunningNode } from './node-config.ts';
export type { LocalScore } from './scoring/local-score.ts';

/**
 * Starts a silo's node: reads the data, takes the data source's books, connects, and takes part in every run that its policy
 * allows, until it is closed.
 *
 * @example
 * const node = await startNode({ folder: '.sotto/node', schema, policy, dataFile: 'patients.csv', once: true });
 * const { runs } = await node.done;
 *
 * @throws {FILE_NOT_FOUND} when the node has not joined, or a file is missing.
 * @throws {INVALID_INPUT} when the data's address is of no known kind, or a database's books have no folder.
 * @throws {DATA_INVALID} when the data lack a column of the schema, or rows that are known by their number have moved.
 * @throws {STORE_LOCKED} when another process uses the same data source.
 */
export async function startNode(config: NodeConfig): Promise<RunningNode> {
  const identity = await loadIdentity(config.folder);
  const { dataFile, query, schema } = config;
  const rows = await rowsAt(dataFile, query);
  const numbered = schema.unitId === null ? numberedBy(rows) : null;
  const booksFolder = config.dataSource ?? booksBeside(dataFile);
  const table = await readTable(rows, config, booksFolder);
  try {
    return await startWith(config, identity, table, booksFolder, numbered);
  } catch (error) {
    releaseTable(table);
    throw error;
  }
}

async function startWith(
  config: NodeConfig,
  identity: NodeIdentity,
  table: NodeTable,
  booksFolder: string,
  numbered: string | null,
): Promise<RunningNode> {
  const notify = config.notify ?? (() => undefined);
  const { holdoutFile } = config;
  const holdout = holdoutFile === undefined ? null : await readHoldout(await rowsAt(holdoutFile), config);
  const source = await openDataSource(booksFolder);
  try {
    if (numbered !== null) await source.keepRowNumbers(numbered);
    const books = await openClientBooks(source.ledger, config.policy.budget);
    const { budget } = config.policy;
    notify({
      type: 'books',
      dataSource: source.id,
      epsilonSpent: books.epsilon(),
      epsilonBudget: budget.epsilon,
      unprotectedUploads: books.unprotectedUploads(),
    });
    const clock = createNodeClock();
    const crypto = createNodeCrypto();
    const { coordinator, tlsFingerprint } = identity;
    const transport = createNodeTransport({ coordinator, tlsFingerprint, identity: identity.sum, clock });
    const ending = createEnding(config.once === true);
    const onNotice = (notice: ClientNotice): void => {
      notify(notice);
      ending.notice(notice, (plan, modelHash, runId) =>
        judge(() => fetchModel(transport, crypto, { plan, modelHash, runId }), holdout, config),
      );
    };
    // Before anybody is spoken with: how long this takes depends on how many units there are.
    const units = placeUnits(table, source.splitKey);
    const thread = createContributionThread(
      units,
      (choice) => notify({ type: 'engine', runId: null, ...choice, memoryBytes: process.memoryUsage.rss() }),
      config.device,
    );
    const driver = await createClientDriver({
      clock,
      transport,
      crypto,
      random: createNodeRandom(),
      identity: identity.sum,
      authority: identity.authority,
      policy: config.policy,
      ledger: source.ledger,
      revocations: createRevocations(
        identity.authority,
        () => transport.fetchRevocations(),
        createNodeRevocations(config.folder),
      ),
      data: { schema: config.schema },
      createContributor: (plan, chosen) =>
        thread.begin(plan, identity.sum.client, (choice) => chosen({ ...choice, machineBytes: totalmem() })),
      ...(config.consent === undefined ? {} : { consent: config.consent }),
      notify: onNotice,
      pause: () => nextTurn(),
    });
    notify({ type: 'connecting', coordinator });
    transport.start({
      received: (message) => driver.received(message),
      connected: () => driver.connected(),
      disconnected: () => driver.disconnected(),
      retrying: (code, reason) => notify({ type: 'retrying', code, reason }),
      failed: (error) => ending.fail(error),
    });
    const run = runUntilEnded(ending, async () => {
      await driver.close();
      await thread.close();
      releaseUnits(units);
      await transport.close();
      await source.close();
    });
    return {
      client: identity.sum.client,
      pause: (reason) => driver.pause(reason),
      resume: () => driver.resume(),
      ...run,
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** The rows that take part: in memory, or beside the books where they are more than memory is to hold. */
async function readTable({ source }: AddressedRows, config: NodeConfig, folder: string): Promise<NodeTable> {
  const table = await readUnitsInto(source, config.schema, rowsWithin({ memoryBytes: memoryOf(config), folder }));
  config.notify?.({ type: 'dataRead', file: source.name, report: table.report, inFile: 'file' in table.batch });
  return table;
}

/** Rows that are held back are scored in memory. */
async function readHoldout({ source }: AddressedRows, config: NodeConfig): Promise<UnitTable> {
  const limit = { memoryBytes: memoryOf(config), folder: null };
  const { batch, ...table } = await readUnitsInto(source, config.schema, rowsWithin(limit));
  if ('file' in batch) throw new SottoError('INTERNAL', 'held-back rows: expected them in memory');
  config.notify?.({ type: 'dataRead', file: source.name, report: table.report, inFile: false });
  return { ...table, batch };
}

const memoryOf = ({ memoryBytes }: NodeConfig): number => memoryBytes ?? defaultMemoryBytes();

/** What is done with the model of a run that has ended: it is kept where it is to be, and scored where there are rows for that. */
async function judge(
  fetched: () => Promise<ClientModel>,
  holdout: UnitTable | null,
  { keepModel, notify = () => undefined }: NodeConfig,
): Promise<LocalScore | null> {
  if (holdout === null && keepModel === undefined) return null;
  try {
    const model = await fetched();
    await keepModel?.(model);
    if (holdout === null) return null;
    const { plan, runId, modelHash, weights } = model;
    const result = await scoreLocally(plan, weights, holdout.batch);
    notify({ type: 'scored', runId, modelHash, score: result });
    return result;
  } catch (error) {
    const code = isSottoError(error) ? error.code : 'INTERNAL';
    notify({ type: 'retrying', code, reason: `the final model could not be kept or scored: ${String(error)}` });
    return null;
  }
}
