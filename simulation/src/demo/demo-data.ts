import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SottoError } from '@sotto/shared/errors';
import { dataSchemaSchema, type DataSchema } from '@sotto/shared/plan';
import { createUnitTable, type UnitTable } from '@sotto/client/data';

/** A demonstration's data, divided among its owners, as the CSV text that each of them holds. */
export type DemoData = {
  readonly schema: DataSchema;
  readonly draft: Readonly<Record<string, unknown>>;
  readonly owners: readonly { readonly name: string; readonly train: string; readonly test: string }[];
};

const examples = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'examples');

/** The shipped digits with their Dirichlet-0.3 division among ten owners. */
export async function digitsData(): Promise<DemoData> {
  const folder = join(examples, 'digits-8x8');
  const split = JSON.parse(await readFile(join(folder, 'splits-dirichlet03-10.json'), 'utf8')) as {
    clients: { id: string; train: number[]; test: number[] }[];
  };
  const { header, rows } = await readLines(join(folder, 'data.csv'));
  const pick = (ids: readonly number[]): string => [header, ...ids.map((id) => rows[id])].join('\n');
  return {
    ...(await planAndSchema(folder)),
    owners: split.clients.map(({ id, train, test }) => ({
      name: `owner-${id.slice(1)}`,
      train: pick(train),
      test: pick(test),
    })),
  };
}

/**
 * The four hospitals, by the columns hospital and split of FLamby's table.
 * @throws {FILE_NOT_FOUND} saying where the data are to be had and how they must lie.
 */
export async function hospitalsData(dataFolder: string | null, plan = 'plan.json'): Promise<DemoData> {
  const candidates =
    dataFolder === null ? [] : [join(dataFolder, 'heart-4-hospitals', 'data.csv'), join(dataFolder, 'data.csv')];
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new SottoError(
      'FILE_NOT_FOUND',
      `${candidates[0] ?? 'heart-4-hospitals/data.csv'}: the heart data are not shipped. The four processed files are offered by the UCI Machine ` +
        'Learning Repository as "Heart Disease" (CC BY 4.0); FLamby\'s Fed-Heart-Disease makes the table of them. Put it at ' +
        'DIR/heart-4-hospitals/data.csv, with the columns of examples/hospitals/README.md, and pass --data DIR or set SOTTO_DATA.',
    );
  }
  const { header, rows } = await readLines(file);
  const columns = header.split(',');
  const [hospital, split] = [columns.indexOf('hospital'), columns.indexOf('split')];
  if (hospital < 0 || split < 0)
    throw new SottoError('DATA_INVALID', `${file}: the columns hospital and split are missing`);
  const names = [...new Set(rows.map((row) => row.split(',')[hospital] ?? ''))];
  const pick = (name: string, part: string): string =>
    [header, ...rows.filter((row) => row.split(',')[hospital] === name && row.split(',')[split] === part)].join('\n');
  return {
    ...(await planAndSchema(join(examples, 'hospitals'), plan)),
    owners: names.map((name) => ({ name, train: pick(name, 'train'), test: pick(name, 'test') })),
  };
}

/** Whose customers are whose: by occupation, so that the banks are unlike. What is not listed is the last one's. */
const banks: Readonly<Record<string, readonly string[]>> = {
  'bank-professions': ['Prof-specialty', 'Tech-support'],
  'bank-managers': ['Exec-managerial', 'Protective-serv'],
  'bank-offices': ['Sales', 'Adm-clerical'],
  'bank-workshops': ['Craft-repair', 'Machine-op-inspct', 'Transport-moving', 'Farming-fishing', 'Handlers-cleaners'],
  'bank-services': [],
};

/**
 * Five banks with the people of the Adult data, by their occupation.
 * @throws {FILE_NOT_FOUND} saying where the data are to be had and how they must lie.
 */
export async function bankData(dataFolder: string | null): Promise<DemoData> {
  const candidates = dataFolder === null ? [] : [join(dataFolder, 'adult', 'data.csv'), join(dataFolder, 'data.csv')];
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new SottoError(
      'FILE_NOT_FOUND',
      `${candidates[0] ?? 'adult/data.csv'}: the data are not shipped. The UCI Machine Learning Repository offers them as "Adult" (CC BY 4.0). ` +
        'Put both files together into DIR/adult/data.csv, with the columns of examples/adult/schema.json, and pass --data DIR or set SOTTO_DATA.',
    );
  }
  const { header, rows } = await readLines(file);
  const occupation = header.split(',').indexOf('occupation');
  if (occupation < 0) throw new SottoError('DATA_INVALID', `${file}: the column occupation is missing`);
  const names = Object.keys(banks);
  const last = names.at(-1);
  const bankOf = (row: string): string | undefined =>
    names.find((name) => banks[name]?.includes(row.split(',')[occupation] ?? '')) ?? last;
  return {
    ...(await planAndSchema(join(examples, 'adult'), 'plan-banks.json')),
    owners: names.map((name) => ({
      name,
      train: [header, ...rows.filter((row) => bankOf(row) === name)].join('\n'),
      test: header,
    })),
  };
}

/** Rows of CSV text in memory, read as a node would read them; for the demonstration's own comparison. */
export function tableOf(schema: DataSchema, text: string): UnitTable {
  const [header = '', ...rows] = text.split('\n');
  const table = createUnitTable(schema, header.split(','));
  for (const row of rows) if (row !== '') table.add(row.split(','));
  return table.finish();
}

async function planAndSchema(folder: string, plan = 'plan.json'): Promise<Pick<DemoData, 'schema' | 'draft'>> {
  const [schema, draft] = await Promise.all(['schema.json', plan].map((name) => readFile(join(folder, name), 'utf8')));
  return {
    schema: dataSchemaSchema.parse(JSON.parse(schema ?? '')),
    draft: JSON.parse(draft ?? '') as Record<string, unknown>,
  };
}

async function readLines(file: string): Promise<{ header: string; rows: string[] }> {
  const [header = '', ...rows] = (await readFile(file, 'utf8')).split(/\r?\n/);
  return { header, rows: rows.filter((row) => row !== '') };
}
