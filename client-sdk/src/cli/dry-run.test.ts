import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDataSource } from '../ledger/data-source.ts';
import { runCli } from './program.ts';

const schema = {
  name: 'patients',
  unitId: 'patient',
  columns: [
    { kind: 'number', name: 'age', min: 0, max: 120, centre: 50, scale: 10, fill: 50 },
    { kind: 'category', name: 'sex', values: ['f', 'm'], other: 'zeros' },
  ],
  target: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
};
const csv = [
  'patient,age,sex,ill',
  ...Array.from(
    { length: 40 },
    (_, row) => `p${row % 20},${30 + row},${row % 4 === 0 ? 'x' : 'f'},${row % 2 === 0 ? 'yes' : 'no'}`,
  ),
  'p90,130,m,yes',
  'p91,old,m,yes',
  'p92,,m,maybe',
].join('\n');

let folder = '';
let data = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-dry-'));
  data = join(folder, 'patients.csv');
  await writeFile(data, csv);
  await writeFile(join(folder, 'schema.json'), JSON.stringify(schema));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs the command in words or JSON; no identity is in the folder that it is given. */
async function dry(...more: string[]): Promise<{ code: number; out: string; lines: Record<string, unknown>[] }> {
  let out = '';
  const write = (text: unknown): boolean => {
    out += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(write);
  vi.spyOn(process.stderr, 'write').mockImplementation(write);
  const where = ['--folder', join(folder, 'nobody'), '--schema', join(folder, 'schema.json'), '--data', data];
  const code = await runCli(['node', 'sotto-node', 'run', '--dry-run', ...where, ...more]);
  vi.restoreAllMocks();
  const lines = out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  // Of the schema, the same each time.
  return { code, out, lines: lines.filter(({ type }) => type !== 'warning') };
}

describe('sotto-node run --dry-run', () => {
  it('says what would take part and what the columns hold, and touches nothing', async () => {
    const before = await readdir(folder);
    const { code, out } = await dry();
    expect(code).toBe(0);
    expect(out).toContain('20 units in 40 rows take part, 3 rows are left out:');
    expect(out).toContain('1 × age: outside [0, 120] (first: row 41)');
    expect(out).toContain('age: 30 to 130 of [0, 120], 1 missing, 1 not a number, 1 outside');
    expect(out).toContain('sex: 30 × f, 3 × m, 10 outside the list');
    expect(out).toContain('ill: 20 × no, 20 × yes');
    expect(out).toContain('the first plan fixes the split');
    expect(out).toContain('Warning: schema.columns: column age (50): a missing value becomes the fill');
    expect(await readdir(folder)).toEqual(before);
  });

  it('names a column that is one value in every row, filled ones included', async () => {
    const other = join(folder, 'never-measured.csv');
    await writeFile(other, 'patient,age,sex,ill\n1,,f,yes\n2,50,m,no\n3,,f,no\n');
    const words = (await dry('--data', other)).out;
    expect(words).toContain('column age is one value in every row: a model can learn from it whose rows these are');
    expect(words).not.toContain('column sex is one value');
    const { lines } = await dry('--json', '--data', other);
    expect(lines[0]).toMatchObject({ report: { constantColumns: ['age'] } });
    // Of a single row nothing is told.
    await writeFile(other, 'patient,age,sex,ill\n1,,f,yes\n');
    expect((await dry('--data', other)).out).not.toContain('column age is one value');
  });

  it('says the same as JSON, a line for each thing', async () => {
    const { code, lines } = await dry('--json', '--split', '0.25,0.25', '--holdout', data);
    expect(code).toBe(0);
    expect(lines.map(({ type }) => type)).toEqual(['dataRead', 'survey', 'split', 'dataRead', 'survey', 'dryRun']);
    expect(lines[1]).toMatchObject({
      columns: [
        { name: 'age', found: { min: 30, max: 130 }, missing: 1, notANumber: 1, outside: 1 },
        { name: 'sex', other: 10 },
      ],
      target: {
        rows: [
          { value: 'no', rows: 20 },
          { value: 'yes', rows: 20 },
        ],
      },
    });
    const { units, by, key } = lines[2] as { units: Record<string, number>; by: string; key: string };
    expect([by, key]).toEqual(['option', 'passing']);
    expect(Object.values(units).reduce((sum, count) => sum + count, 0)).toBe(20);
  });

  it('counts by the split that the books have fixed, whatever is asked, and says when they are in use', async () => {
    const books = join(folder, 'books');
    const source = await openDataSource(books);
    await source.ledger.pin({ split: { validation: 0.3, test: 0 } });
    expect((await dry('--data-source', books)).out).toContain('a running node has the books');
    await source.close();
    const first = await dry('--json', '--data-source', books, '--split', '0,0.9');
    expect(first.lines[2]).toMatchObject({ by: 'books', key: 'books', split: { validation: 0.3, test: 0 } });
    expect((await dry('--json', '--data-source', books)).lines[2]).toEqual(first.lines[2]);
  });

  it('says what is wrong with the schema itself, or rarely meant', async () => {
    const write = (column: object) =>
      writeFile(
        join(folder, 'odd.json'),
        JSON.stringify({ ...schema, columns: [{ ...schema.columns[0], ...column }] }),
      );
    await write({ scale: 0.1 });
    const odd = await dry('--schema', join(folder, 'odd.json'));
    expect([odd.code, odd.out]).toEqual([0, expect.stringContaining('Warning: schema.columns[0].scale: ')]);
    await write({ min: 300 });
    const wrong = await dry('--schema', join(folder, 'odd.json'));
    expect([wrong.code, wrong.out]).toEqual([2, expect.stringContaining('min 300 is not below max 120')]);
  });

  it("ends with the error's code", async () => {
    expect((await dry('--split', '0.9,0.9')).code).toBe(2);
    expect((await dry('--data', join(folder, 'none.csv'))).code).toBe(2);
    const other = join(folder, 'other.csv');
    await writeFile(other, 'patient,age,ill\n');
    const missing = await dry('--data', other);
    expect([missing.code, missing.out]).toEqual([3, expect.stringContaining('lacks: sex')]);
    await writeFile(other, 'patient,age,sex,ill\n');
    expect((await dry('--data', other)).code).toBe(3);
  });
});
