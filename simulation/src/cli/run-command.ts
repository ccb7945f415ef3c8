import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createLocalData, createUnitTable, readCsvRecords } from '@sotto/client/data';
import { replayRun } from '@sotto/coordinator/runs';
import { SottoError } from '@sotto/shared/errors';
import { completePlan, dataSchemaSchema, type DataSchema } from '@sotto/shared/plan';
import { createSeededRandom } from '@sotto/shared/random';
import { noFaults, randomRates } from '../faults.ts';
import { simulate } from '../federation.ts';
import {
  parsePartition,
  sharesByColumn,
  sharesByLabel,
  sharesIid,
  type PartitionRule,
  type Shares,
} from '../partition.ts';
import type { SimulatedClientData } from '../simulated-data.ts';

export type RunOptions = {
  readonly data: string;
  readonly schema?: string;
  readonly clients?: number;
  readonly partition: string;
  readonly seed: string;
  readonly faults: 'none' | 'wild';
  /** Default: as many as the machine has cores. */
  readonly threads?: number;
};

/** What a command gives: for people, and with `--json`. */
export type CommandResult = { readonly lines: readonly string[]; readonly json: unknown };

/**
 * Runs a plan, or a draft of one, in a simulated federation over a divided table. Roster and authority are the simulation's own.
 * @param tell - progress, one line at a time.
 * @throws {FILE_NOT_FOUND | INVALID_INPUT | DATA_INVALID | PLAN_INVALID} for what it is given.
 * @throws {RUN_FAILED} when the run ended without a model, waits for clients, or broke a rule of the protocol.
 */
export async function runPlan(path: string, options: RunOptions, tell: (line: string) => void): Promise<CommandResult> {
  const draft = planIn(await readJson(path), path);
  const schema = await schemaOf(options.schema, draft, path);
  const { seed, threads = availableParallelism() } = options;
  const clients = await dividedTable(schema, options);
  for (const { name, data } of clients) {
    const { units } = await data.unitsOf('train', { validation: 0, test: 0 });
    tell(`${name}: ${units} units`);
  }
  let shown = '';
  const result = await simulate({
    seed,
    threads,
    clients,
    plan: (roster, authority) =>
      completePlan({ ...draft, schema, authority, roster: { kind: 'pinned', clients: roster } }),
    faults: options.faults === 'wild' ? randomRates(seed) : noFaults,
    onStatus: ({ state, round, rounds, attempt, evaluations }) => {
      const accuracy = evaluations.at(-1)?.accuracy;
      const figure = accuracy == null ? '' : `, accuracy ${accuracy.low.toFixed(3)} … ${accuracy.high.toFixed(3)}`;
      const line = `${state}: round ${round} of ${rounds}, session ${attempt}${figure}`;
      if (line !== shown) tell(line);
      shown = line;
    },
  });
  const { status, violations, plan } = result;
  if (violations.length > 0) throw new SottoError('RUN_FAILED', `rules were broken: ${violations.join('; ')}`);
  if (status.state !== 'finished') throw new SottoError('RUN_FAILED', status.reason ?? `the run is ${status.state}`);
  const replay = await replayRun(result.store, result.blobs, result.runId);
  const { epsilon, evaluationEpsilon } = status.privacy;
  const json = {
    state: status.state,
    reason: status.reason,
    rounds: plan.training.rounds,
    sessions: status.attempt,
    failedSessions: status.failedAttempts,
    coordinatorCrashes: result.coordinatorCrashes,
    clientCrashes: result.clientCrashes,
    epsilon,
    evaluationEpsilon,
    evaluations: status.evaluations,
    releasesChecked: result.releasesChecked,
    modelHash: status.modelHash,
    replayMatches: replay.modelHash === status.modelHash,
  };
  return {
    lines: [
      `Run          ${status.state}${status.reason === null ? '' : `: ${status.reason}`}`,
      `Sessions     ${json.sessions}, ${json.failedSessions} of them failed`,
      `Crashes      coordinator ${json.coordinatorCrashes}, clients ${json.clientCrashes}`,
      `Epsilon      ${epsilon ?? 'infinite'}${evaluationEpsilon === null ? '' : `, evaluation ${evaluationEpsilon}`}`,
      ...status.evaluations.map(
        ({ round, accuracy }) =>
          `Accuracy     before round ${round}: ${accuracy === null ? 'withheld' : `${accuracy.value.toFixed(3)} (${accuracy.low.toFixed(3)} … ${accuracy.high.toFixed(3)})`}`,
      ),
      `Releases     ${json.releasesChecked}, each the sum of its survivors' integers`,
      `Model        ${json.modelHash}, replay ${json.replayMatches ? 'agrees' : 'DISAGREES'}`,
    ],
    json,
  };
}

/** The table's rows dealt to clients by whole units, each part read as a node would read it. */
async function dividedTable(schema: DataSchema, options: RunOptions): Promise<SimulatedClientData[]> {
  const { header, rows } = await readCsvRecords(options.data);
  const rule = parsePartition(options.partition);
  const { unitId, target } = schema;
  const units = [...groupBy(rows, unitId === null ? null : placeOf(header, unitId, options.data)).values()];
  const textOf = (column: string): string[] => {
    const place = placeOf(header, column, options.data);
    return units.map((unit) => unit[0]?.[place] ?? '');
  };
  const named = sharesOf(rule, units.length, textOf, target.column, options);
  return [...named].map(([name, share]) => {
    const table = createUnitTable(schema, header);
    for (const unit of share) for (const row of units[unit] ?? []) table.add(row);
    const splitKey = createSeededRandom(`split/${options.seed}/${name}`).bytes(32);
    return { name, data: createLocalData(table.finish(), splitKey) };
  });
}

function sharesOf(
  rule: PartitionRule,
  units: number,
  textOf: (column: string) => string[],
  labelColumn: string,
  { clients, seed }: RunOptions,
): ReadonlyMap<string, readonly number[]> {
  if (rule.kind === 'column') {
    const shares = sharesByColumn(textOf(rule.column));
    if (clients !== undefined && clients !== shares.size) {
      throw new SottoError(
        'INVALID_INPUT',
        `--clients ${clients}: column ${rule.column} has ${shares.size} values, one for each client`,
      );
    }
    return shares;
  }
  if (clients === undefined) throw new SottoError('INVALID_INPUT', `--clients: needed with --partition ${rule.kind}`);
  const random = createSeededRandom(`partition/${seed}`);
  const shares: Shares =
    rule.kind === 'iid'
      ? sharesIid(units, clients, random)
      : sharesByLabel(textOf(labelColumn), clients, rule.alpha, random);
  return new Map(shares.map((share, index) => [`client ${index}`, share]));
}

/** Rows by their cell in a column, in the order of first appearance; without one each row for itself. */
function groupBy(rows: readonly (readonly string[])[], place: number | null): Map<string, (readonly string[])[]> {
  const groups = new Map<string, (readonly string[])[]>();
  rows.forEach((row, index) => {
    const key = place === null ? String(index) : (row[place] ?? '');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  });
  return groups;
}

function placeOf(header: readonly string[], column: string, path: string): number {
  const place = header.indexOf(column);
  if (place < 0) throw new SottoError('DATA_INVALID', `${path}: there is no column ${column}`);
  return place;
}

async function schemaOf(
  path: string | undefined,
  draft: Record<string, unknown>,
  planPath: string,
): Promise<DataSchema> {
  const value = path === undefined ? draft['schema'] : await readJson(path);
  const parsed = dataSchemaSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SottoError(
    'PLAN_INVALID',
    `${path ?? planPath}: schema.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}; give one with --schema`,
  );
}

function planIn(value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw new SottoError('PLAN_INVALID', `${path}: a plan is a JSON object`);
  // A signed plan is run unsigned: the simulation signs it with its own authority.
  return 'signature' in value && isObject(value['plan']) ? value['plan'] : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SottoError('FILE_NOT_FOUND', `${path}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SottoError('INVALID_INPUT', `${path}: not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}
