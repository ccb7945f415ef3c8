import { access, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { SottoError } from '@sotto/shared/errors';
import { dataSchemaSchema, parsePolicy, type DataSchema, type Policy } from '@sotto/shared/plan';
import { readCsv } from '../data/index.ts';
import { joinFederation } from '../identity/join.ts';
import { openClientBooks } from '../ledger/client-books.ts';
import { openDataSource } from '../ledger/data-source.ts';
import { startNode } from '../node.ts';
import { readJson } from './json-file.ts';
import type { Screen } from './screen.ts';
import { reportWords, wordsOf } from './words.ts';

type Options = Readonly<Record<string, string | boolean | undefined>>;

export async function join(screen: Screen, options: Options, argument: string): Promise<number> {
  const invitation = argument === '-' ? await text(process.stdin) : argument;
  const folder = given(options, 'folder');
  const joined = await joinFederation({ folder, invitation, name: given(options, 'name'), nowMs: Date.now() });
  screen.show(
    { type: 'joined', client: joined.client, name: joined.certificate.name, folder },
    `Joined as ${joined.certificate.name}, client ${joined.client}. The identity lies in ${folder}; keep it to this machine.`,
  );
  return 0;
}

export async function runNode(screen: Screen, options: Options): Promise<number> {
  const [schema, policy] = await Promise.all([schemaOf(options), policyOf(options)]);
  const holdoutFile = optional(options, 'holdout');
  const dataSource = optional(options, 'dataSource');
  const words = wordsOf();
  const node = await startNode({
    folder: given(options, 'folder'),
    schema,
    policy,
    dataFile: given(options, 'data'),
    ...(holdoutFile === undefined ? {} : { holdoutFile }),
    ...(dataSource === undefined ? {} : { dataSource }),
    once: options['once'] === true,
    notify: (notice) => screen.show(notice, words(notice)),
  });
  const stop = (): void => void node.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const { runs } = await node.done;
    screen.show({ type: 'ended', runs }, null);
    if (runs.some(({ outcome }) => outcome === 'refused')) return 8;
    return runs.some(({ outcome }) => outcome === 'failed') ? 9 : 0;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

export async function checkData(screen: Screen, options: Options): Promise<number> {
  const file = given(options, 'data');
  const { report } = await readCsv(file, await schemaOf(options));
  screen.show({ type: 'dataRead', file, report }, reportWords(file, report));
  return report.units === 0 ? 3 : 0;
}

export async function showLedger(screen: Screen, options: Options): Promise<number> {
  const data = optional(options, 'data');
  const folder = optional(options, 'dataSource') ?? (data === undefined ? undefined : `${data}.sotto`);
  if (folder === undefined) throw new SottoError('INVALID_INPUT', 'ledger: name --data or --data-source');
  await access(folder).catch(() => {
    throw new SottoError('FILE_NOT_FOUND', `${folder}: there are no books; nothing was charged`);
  });
  const policy = await policyOf(options);
  const source = await openDataSource(folder);
  try {
    const books = await openClientBooks(source.ledger, policy.budget);
    for (const { planHash, round, slot, attempt } of books.charges()) {
      screen.show(
        { type: 'charge', planHash, round, slot, attempt },
        `plan ${planHash.slice(0, 12)}  round ${round}  ${slot}  attempt ${attempt}`,
      );
    }
    const { epsilon } = books.budget;
    screen.show(
      {
        type: 'books',
        dataSource: source.id,
        epsilonSpent: books.epsilon(),
        epsilonBudget: epsilon,
        delta: books.budget.delta,
      },
      `Data source ${source.id}: at most ε ${books.epsilon().toFixed(3)} of ${epsilon} spent at δ ${books.budget.delta}, ` +
        `${books.charges().length} charges. What is spent does not come back.`,
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
  const parsed = dataSchemaSchema.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SottoError('INVALID_INPUT', `${file}, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
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
