import { setImmediate as nextTurn } from 'node:timers/promises';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { isSottoError } from '@sotto/shared/errors';
import type { ClientModel } from './client/client.ts';
import { createEnding, runUntilEnded } from './client/ending.ts';
import { fetchModel } from './client/fetch-model.ts';
import { readCsv, shareUnits, type UnitTable } from './data/index.ts';
import { loadIdentity } from './identity/node-identity.ts';
import { openClientBooks } from './ledger/client-books.ts';
import { openDataSource } from './ledger/data-source.ts';
import type { NodeConfig, NodeNotice, RunningNode } from './node-config.ts';
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
 * @throws {DATA_INVALID} when the data lack a column of the schema, or rows that are known by their number have moved.
 * @throws {STORE_LOCKED} when another process uses the same data source.
 */
export async function startNode(config: NodeConfig): Promise<RunningNode> {
  const notify = config.notify ?? (() => undefined);
  const identity = await loadIdentity(config.folder);
  const table = await readTable(config.dataFile, config, notify);
  const holdout = config.holdoutFile === undefined ? null : await readTable(config.holdoutFile, config, notify);
  const source = await openDataSource(config.dataSource ?? `${config.dataFile}.sotto`);
  try {
    if (config.schema.unitId === null) await source.keepRowNumbers(config.dataFile);
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
    const thread = createContributionThread(shareUnits(table, source.splitKey), ({ engine, reason }) =>
      notify({ type: 'engine', runId: null, engine, reason }),
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
      data: { schema: config.schema },
      createContributor: (plan) => thread.begin(plan, identity.sum.client),
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

async function readTable(file: string, config: NodeConfig, notify: (notice: NodeNotice) => void): Promise<UnitTable> {
  const table = await readCsv(file, config.schema);
  notify({ type: 'dataRead', file, report: table.report });
  return table;
}

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
