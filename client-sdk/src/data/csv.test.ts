import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSottoError } from '@sotto/shared/errors';
import { dataSchemaSchema } from '@sotto/shared/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCsv } from './csv.ts';

const schema = dataSchemaSchema.parse({
  name: 'patients',
  unitId: 'patient',
  columns: [
    { kind: 'number', name: 'age', min: 0, max: 120, centre: 50, scale: 10 },
    {
      kind: 'number',
      name: 'dose',
      min: 0,
      max: 100,
      transform: 'log1p',
      centre: 0,
      scale: 1,
      fill: 0,
      missing: ['?'],
    },
    { kind: 'category', name: 'sex', values: ['f', 'm'] },
    { kind: 'category', name: 'ward', values: ['a', 'b'], other: 'zeros' },
  ],
  target: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
});

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-csv-'));
});
afterAll(async () => rm(folder, { recursive: true }));

async function read(text: string) {
  const path = join(folder, 'table.csv');
  await writeFile(path, text);
  return readCsv(path, schema);
}

describe('readCsv', () => {
  it('encodes numbers, fills, categories and targets in the order of the schema', async () => {
    const { batch } = await read('ill,ward,sex,dose,age,patient,note\nyes,b,m,?,60,p1,"a, note"\nno,c,f,1,40,p2,\n');
    expect(Array.from(batch.inputs)).toEqual([1, 0, 0, 1, 0, 1, -1, Math.fround(Math.log1p(1)), 1, 0, 0, 0]);
    expect(Array.from(batch.targets)).toEqual([1, 0]);
  });

  it('reads every row of a file whose lines end in different ways', async () => {
    const { report } = await read('patient,age,dose,sex,ward,ill\r\na,10,0,f,a,no\nb,20,0,f,a,no\r\nc,30,0,f,a,no');
    expect(report).toMatchObject({ rows: 3, rowsKept: 3 });
  });

  it("brings a unit's rows together in their own order", async () => {
    const { batch, unitIds } = await read(
      'patient,age,dose,sex,ward,ill\na,10,0,f,a,no\nb,20,0,f,a,no\na,30,0,f,a,yes\nb,40,0,f,a,no\na,50,0,f,a,no\n',
    );
    expect(unitIds).toEqual(['a', 'b']);
    expect(Array.from(batch.rowOffsets)).toEqual([0, 3, 5]);
    const ages = Array.from({ length: 5 }, (_, row) => batch.inputs[row * batch.features]! * 10 + 50);
    expect(ages).toEqual([10, 30, 50, 20, 40]);
    expect(Array.from(batch.targets)).toEqual([0, 1, 0, 0, 0]);
  });

  it('leaves out rows that break the schema, counts them by rule and repeats no value', async () => {
    const { report } = await read(
      'patient,age,dose,sex,ward,ill\n' +
        'a,10,0,f,a,no\nb,121,0,f,a,no\nc,130,0,f,a,no\nd,0x10,0,f,a,no\ne,,0,f,a,no\nf,10,0,secretsex,a,no\n' +
        'g,10,0,f,a,maybe\n,10,0,f,a,no\nh,10,0,f\n',
    );
    expect(report.rows).toBe(9);
    expect(report.rowsKept).toBe(1);
    expect(report.leftOut[0]).toEqual({ rule: 'age: outside [0, 120]', rows: 2, firstRow: 2 });
    expect(report.leftOut.map(({ rule }) => rule).sort()).toEqual([
      'a row has another number of cells than the header',
      'age: not a number',
      'age: outside [0, 120]',
      'age: the value is missing and the schema has no fill value',
      'ill: neither of the two target values',
      "patient: the unit's id is missing",
      'sex: not one of the 2 categories',
    ]);
    expect(JSON.stringify(report)).not.toContain('secretsex');
  });

  it('names the columns that are missing', async () => {
    const failure = await read('patient,age,sex,ward\n').catch((error: unknown) => error);
    expect(isSottoError(failure, 'DATA_INVALID')).toBe(true);
    expect(String(failure)).toContain('dose, ill');
  });

  it('names a file that is not there, an empty one and a broken quote', async () => {
    const missing = await readCsv(join(folder, 'none.csv'), schema).catch((error: unknown) => error);
    expect(isSottoError(missing, 'FILE_NOT_FOUND')).toBe(true);
    expect(isSottoError(await read('').catch((error: unknown) => error), 'DATA_INVALID')).toBe(true);
    const quote = await read('patient,age,dose,sex,ward,ill\na,"10,0,f,a,no\n').catch((error: unknown) => error);
    expect(isSottoError(quote, 'DATA_INVALID')).toBe(true);
    expect(String(quote)).toContain('line');
  });

  it('gives an empty batch for a table without rows', async () => {
    const { batch } = await read('patient,age,dose,sex,ward,ill\n');
    expect([batch.units, batch.rows, batch.rowOffsets.length]).toEqual([0, 0, 1]);
  });
});
