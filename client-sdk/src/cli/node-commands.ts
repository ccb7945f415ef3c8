import { access, readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, isSottoError, SottoError } from '@sotto/shared/errors';
import { parseDataSchema, parsePolicy, type DataSchema, type Policy } from '@sotto/shared/plan';
import { fingerprintOf, fingerprintWords } from '@sotto/shared/protocol';
import { readUnits } from '../data/read-units.ts';
import { booksBeside, rowsAt } from '../data/sources.ts';
import { joinFederation } from '../identity/join.ts';
import { openClientBooks } from '../ledger/client-books.ts';
import { openDataSource } from '../ledger/data-source.ts';
import { statementOf } from '../ledger/statement.ts';
import type { NodeNotice } from '../node-config.ts';
import { startNode } from '../node.ts';
import { backOffMs } from '../platform/back-off.ts';
import type { DeviceWish } from '../training/index.ts';
import { readJson } from './json-file.ts';
import type { Screen } from './screen.ts';
import { planStatementWords, reportWords, statementWords, wordsOf } from './words.ts';

type Options = Readonly<Record<string, string | boolean | undefined>>;

export async function join(screen: Screen, options: Options, argument: string): Promise<number> {
  const folder = given(options, 'folder');
  const invitation = await invitationOf(argument);
  const joined = await joinFederation({ folder, invitation, name: given(options, 'name'), nowMs: Date.now() });
  const authorityFingerprint = fingerprintOf(joined.certificate.voucher.authority);
  screen.show(
    { type: 'joined', client: joined.client, name: joined.certificate.name, folder, authorityFingerprint },
    [
      `Joined as ${joined.certificate.name}, client ${joined.client}. The identity lies in ${folder}; keep it to this machine.`,
      `Authority fingerprint ${fingerprintWords(authorityFingerprint)}: compare it with what the authority told you by telephone.`,
    ].join('\n'),
  );
  return 0;
}

export async function runNode(screen: Screen, options: Options): Promise<number> {
  const [schema, policy] = await Promise.all([schemaOf(options), policyOf(options)]);
  const holdoutFile = optional(options, 'holdout');
  const dataSource = optional(options, 'dataSource');
  const query = optional(options, 'query');
  const words = wordsOf(() => performance.now());
  const notify = (notice: NodeNotice): void => screen.show(notice, words(notice));
  const invitation = optional(options, 'invitation');
  if (invitation !== undefined) await joinFirst(options, await invitationOf(invitation), notify);
  const node = await startNode({
    folder: given(options, 'folder'),
    schema,
    policy,
    dataFile: given(options, 'data'),
    ...(query === undefined ? {} : { query }),
    ...(holdoutFile === undefined ? {} : { holdoutFile }),
    ...(dataSource === undefined ? {} : { dataSource }),
    device: given(options, 'device') as DeviceWish,
    once: options['once'] === true,
    notify,
  });
  const stop = (): void => void node.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const { runs } = await node.done;
    screen.show({ type: 'ended', runs }, null);
    if (runs.some(({ outcome }) => outcome === 'refused')) return exitCodes.refused.number;
    return runs.some(({ outcome }) => outcome === 'failed') ? exitCodes.runFailed.number : exitCodes.done.number;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Joins, or says again that it has joined; waits for a coordinator that is not there yet. */
async function joinFirst(options: Options, invitation: string, notify: (notice: NodeNotice) => void): Promise<void> {
  const folder = given(options, 'folder');
  const name = given(options, 'name');
  for (let attempt = 0; ; attempt++) {
    try {
      const joined = await joinFederation({ folder, invitation, name, nowMs: Date.now() });
      notify({ type: 'joined', client: joined.client, name: joined.certificate.name, folder });
      return;
    } catch (error) {
      if (!isSottoError(error, 'UNREACHABLE') && !isSottoError(error, 'RATE_LIMITED')) throw error;
      notify({ type: 'retrying', code: error.code, reason: error.message });
    }
    await sleep(backOffMs(attempt, Math.random()));
  }
}

/** The line itself, the file that holds it, or `-` for standard input. */
async function invitationOf(argument: string): Promise<string> {
  if (argument === '-') return text(process.stdin);
  if (argument.startsWith('sotto1.')) return argument;
  try {
    return await readFile(argument, 'utf8');
  } catch {
    throw new SottoError(
      'FILE_NOT_FOUND',
      `invitation: "${argument.slice(0, 100)}" is neither a line that begins with sotto1. nor a file`,
    );
  }
}

export async function checkData(screen: Screen, options: Options): Promise<number> {
  const { source } = await rowsAt(given(options, 'data'), optional(options, 'query'));
  const { report } = await readUnits(source, await schemaOf(options));
  screen.show({ type: 'dataRead', file: source.name, report }, reportWords(source.name, report));
  return report.units === 0 ? exitCodes.data.number : exitCodes.done.number;
}

export async function showLedger(screen: Screen, options: Options): Promise<number> {
  const data = optional(options, 'data');
  const folder = optional(options, 'dataSource') ?? (data === undefined ? undefined : booksBeside(data));
  if (folder === undefined) throw new SottoError('INVALID_INPUT', 'ledger: name --data or --data-source');
  await access(folder).catch(() => {
    throw new SottoError('FILE_NOT_FOUND', `${folder}: there are no books; nothing was charged`);
  });
  const policy = await policyOf(options);
  const source = await openDataSource(folder);
  try {
    const books = await openClientBooks(source.ledger, policy.budget);
    const { plans, ...sums } = statementOf(books.ledger());
    for (const { planHash, round, slot, attempt } of books.charges()) {
      screen.show(
        { type: 'charge', planHash, round, slot, attempt },
        options['charges'] === true
          ? `plan ${planHash.slice(0, 12)}  round ${round}  ${slot}  attempt ${attempt}`
          : null,
      );
    }
    for (const plan of plans) screen.show({ type: 'plan', ...plan }, planStatementWords(plan));
    const unprotectedUploads = books.unprotectedUploads();
    screen.show(
      { type: 'books', dataSource: source.id, ...sums, charges: books.charges().length, unprotectedUploads },
      statementWords(source.id, { plans, ...sums }, unprotectedUploads),
    );
    return 0;
  } finally {
    await source.close();
  }
}

export async function initPolicy(screen: Screen, _options: Options, argument: string): Promise<number> {
  const file = argument === '' ? 'policy.json' : argument;
  try {
    await writeFile(file, `${JSON.stringify(parsePolicy({ version: 1 }), null, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw exists
      ? new SottoError('CONFLICT', `${file}: exists already; it was left as it is`)
      : new SottoError('FILE_NOT_FOUND', `${file}: cannot be written`);
  }
  screen.show(
    { type: 'policyWritten', file },
    `Wrote ${file}. Every line is what this node allows at most; tighten what you like.`,
  );
  return 0;
}

async function schemaOf(options: Options): Promise<DataSchema> {
  const file = given(options, 'schema');
  return parseDataSchema(await readJson(file), file);
}

async function policyOf(options: Options): Promise<Policy> {
  const file = optional(options, 'policy');
  return parsePolicy(file === undefined ? { version: 1 } : await readJson(file));
}

function given(options: Options, name: string): string {
  const value = optional(options, name);
  if (value === undefined) throw new SottoError('INVALID_INPUT', `--${name} is missing`);
  return value;
}

function optional(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
