import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCsv } from '@sotto/client/data';
import { SottoError } from '@sotto/shared/errors';
import { selectUnits, type LocalModel, type UnitBatch } from '@sotto/shared/model';
import { parseDataSchema, type DataSchema } from '@sotto/shared/plan';
import { dataFolder } from '../accuracy/datasets.ts';

/** One owner's rows of the German credit data. */
export type CreditOwner = { readonly name: string; readonly train: UnitBatch; readonly test: UnitBatch };

const numbers: readonly (readonly [string, number, number, number, number])[] = [
  ['duration', 0, 120, 20, 12],
  ['amount', 0, 50_000, 3_000, 3_000],
  ['installment_rate', 1, 4, 2.5, 1],
  ['residence_since', 1, 4, 2.5, 1],
  ['age', 18, 100, 40, 12],
  ['existing_credits', 1, 10, 2, 1],
  ['dependents', 1, 10, 1, 1],
];
const categories: Readonly<Record<string, readonly string[]>> = {
  checking: ['A11', 'A12', 'A13', 'A14'],
  credit_history: ['A30', 'A31', 'A32', 'A33', 'A34'],
  purpose: ['A40', 'A41', 'A42', 'A43', 'A44', 'A45', 'A46', 'A47', 'A48', 'A49', 'A410'],
  savings: ['A61', 'A62', 'A63', 'A64', 'A65'],
  employment: ['A71', 'A72', 'A73', 'A74', 'A75'],
  personal_status_sex: ['A91', 'A92', 'A93', 'A94', 'A95'],
  other_debtors: ['A101', 'A102', 'A103'],
  property: ['A121', 'A122', 'A123', 'A124'],
  other_installments: ['A141', 'A142', 'A143'],
  job: ['A171', 'A172', 'A173', 'A174'],
  telephone: ['A191', 'A192'],
  foreign_worker: ['A201', 'A202'],
};
export const creditSchema: DataSchema = parseDataSchema({
  name: 'german credit',
  unitId: 'row_id',
  columns: [
    ...numbers.map(([name, min, max, centre, scale]) => ({ kind: 'number', name, min, max, centre, scale })),
    ...Object.entries(categories).map(([name, values]) => ({ kind: 'category', name, values })),
  ],
  target: { kind: 'binary', column: 'label', positive: '1', negative: '0' },
});

/**
 * Owners by housing, with the test rows that nobody trains on.
 * @throws {FILE_NOT_FOUND} when the data are not on this machine.
 */
export async function germanCredit(): Promise<readonly CreditOwner[]> {
  const folder = dataFolder('german-credit');
  if (folder === null) throw new SottoError('FILE_NOT_FOUND', 'german-credit/data.csv: not found; set SOTTO_DATA');
  const { batch, unitIds } = await readCsv(join(folder, 'data.csv'), creditSchema);
  const unitOf = new Map(unitIds.map((id, unit) => [id, unit]));
  const split = JSON.parse(readFileSync(join(folder, 'splits-housing.json'), 'utf8')) as {
    clients: { id: string; train: number[]; test: number[] }[];
  };
  const pick = (rows: readonly number[]): UnitBatch =>
    selectUnits(
      batch,
      rows.map((row) => unitOf.get(String(row))!),
    );
  return split.clients.map(({ id, train, test }) => ({ name: id, train: pick(train), test: pick(test) }));
}

/** Cross-entropy of each row. */
export async function lossesOf(model: LocalModel, { inputs, rows, targets }: UnitBatch): Promise<number[]> {
  const outputs = await model.predict(inputs, rows);
  return Array.from(outputs, (p, row) => -Math.log(targets[row] === 1 ? p : 1 - p));
}
