import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, isSottoError, SottoError } from '@sotto/shared/errors';
import { checkDataSchema, findingText, type DataSchema, type PlanReport } from '@sotto/shared/plan';
import { numberedBy, type AddressedRows } from '../data/sources.ts';
import { partOfUnit, type SplitFractions } from '../data/split.ts';
import { surveyRows } from '../data/survey.ts';
import { openDataSource } from '../ledger/data-source.ts';
import type { Screen } from './screen.ts';
import { splitWords, surveyWords } from './survey-words.ts';
import { reportWords } from './words.ts';

/** Units by part, and by which split; null where none is known. */
export type SplitCounts =
  | {
      /** The split that the books have fixed, or the one that was asked for. */
      readonly by: 'books' | 'option';
      /** The key of the split: the data source's, or one for this time. */
      readonly key: 'books' | 'passing';
      readonly split: SplitFractions;
      readonly units: Readonly<Record<'train' | 'validation' | 'test', number>>;
    }
  | { readonly by: 'nothing' | 'locked' };

export type DryRun = {
  readonly rows: AddressedRows;
  readonly holdout: AddressedRows | null;
  readonly schema: DataSchema;
  /** Null: none is named, and there are no books then. */
  readonly booksFolder: string | null;
  /** A split to try, where none is fixed. */
  readonly split: SplitFractions | null;
};

/**
 * Reads all data as a run would and shows what would take part; connects to nobody, joins nothing, writes nothing.
 * @returns the exit code: that of bad data where no unit would take part.
 * @throws what reading may throw.
 */
export async function dryRun(screen: Screen, { rows, holdout, schema, booksFolder, split }: DryRun): Promise<number> {
  showFindings(screen, schema);
  if (schema.unitId === null) numberedBy(rows);
  let units = 0;
  for (const [index, { source }] of [rows, ...(holdout === null ? [] : [holdout])].entries()) {
    const { report, columns, target, unitIds } = await surveyRows(source, schema);
    screen.show({ type: 'dataRead', file: source.name, report, inFile: false }, reportWords(source.name, report));
    screen.show({ type: 'survey', file: source.name, columns, target }, surveyWords({ columns, target }));
    if (index > 0) continue;
    units = report.units;
    const counts = await countParts(unitIds, booksFolder, split);
    screen.show({ type: 'split', ...counts }, splitWords(counts));
  }
  screen.show(
    { type: 'dryRun', units },
    'A dry run: nothing was sent, nothing joined, and the books are as they were.',
  );
  return units === 0 ? exitCodes.data.number : exitCodes.done.number;
}

/** What is wrong with the schema itself, or rarely meant. @throws {INVALID_INPUT} at the first line that cannot stand. */
function showFindings(screen: Screen, schema: DataSchema): void {
  const report: PlanReport = { problems: [], warnings: [] };
  checkDataSchema(schema, report, 'schema');
  const [wrong] = report.problems;
  if (wrong !== undefined) throw new SottoError('INVALID_INPUT', findingText(wrong));
  for (const warning of report.warnings)
    screen.show({ type: 'warning', ...warning }, `Warning: ${findingText(warning)}`);
}

/** Of a split as `0.2,0.1`. @throws {INVALID_INPUT} */
export function parseSplit(text: string): SplitFractions {
  const [validation = NaN, test = NaN, ...more] = text.split(',').map(Number);
  if (more.length > 0 || !(validation >= 0 && test >= 0 && validation + test < 1)) {
    throw new SottoError('INVALID_INPUT', `--split "${text.slice(0, 40)}": expected two shares, for example 0.2,0.1`);
  }
  return { validation, test };
}

async function countParts(
  unitIds: readonly string[],
  folder: string | null,
  asked: SplitFractions | null,
): Promise<SplitCounts> {
  const books = folder === null ? null : await splitOfBooks(folder);
  if (books === 'locked') return { by: 'locked' };
  const split = books?.split ?? asked;
  if (split === null) return { by: 'nothing' };
  const key = books?.splitKey ?? randomBytes(32);
  const units = { train: 0, validation: 0, test: 0 };
  for (const unitId of unitIds) units[partOfUnit(key, unitId, split)] += 1;
  return {
    by: (books?.split ?? null) === null ? 'option' : 'books',
    key: books === null ? 'passing' : 'books',
    split,
    units,
  };
}

/** What the books fix, where there are any; none are made. */
async function splitOfBooks(
  folder: string,
): Promise<{ readonly splitKey: Uint8Array; readonly split: SplitFractions | null } | 'locked' | null> {
  try {
    await access(join(folder, 'books.db'));
  } catch {
    return null;
  }
  try {
    const source = await openDataSource(folder);
    try {
      return { splitKey: source.splitKey, split: (await source.ledger.load()).split };
    } finally {
      await source.close();
    }
  } catch (error) {
    if (isSottoError(error, 'STORE_LOCKED')) return 'locked';
    throw error;
  }
}
