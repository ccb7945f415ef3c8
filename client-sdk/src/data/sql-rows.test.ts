import { randomBytes } from 'node:crypto';
import { dataSchemaSchema } from '@sotto/shared/plan';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUnits } from './read-units.ts';
import { sqlRows } from './sql-rows.ts';
import { csvRows } from './text-rows.ts';

const address = process.env.SOTTO_POSTGRES;
const requireAll = process.env.SOTTO_REQUIRE === 'all';

const schema = dataSchemaSchema.parse({
  name: 'visits',
  unitId: 'patient',
  columns: [
    { kind: 'number', name: 'age', min: 0, max: 1e6, centre: 0.1, scale: 3 },
    { kind: 'number', name: 'count', min: 0, max: 1e18, centre: 0, scale: 1 },
    { kind: 'number', name: 'dose', min: 0, max: 100, centre: 0, scale: 1, fill: 3 },
    { kind: 'category', name: 'smoker', values: ['true', 'false'] },
  ],
  target: { kind: 'classes', column: 'stage', values: ['a', 'b'] },
});

if (!requireAll && address === undefined) {
  it.skip('PostgreSQL as a source: no server; set SOTTO_POSTGRES to the address of one', () => {});
} else {
  describe('PostgreSQL as a source', () => {
    const table = `sotto_visits_${randomBytes(6).toString('hex')}`;
    // Required, or there was one.
    const url = address ?? 'postgres://127.0.0.1:1/none';
    const client = new pg.Client({ connectionString: url });
    const lines: string[] = [];
    beforeAll(async () => {
      await client.connect();
      await client.query(
        `CREATE TABLE ${table} (seq int, patient text, age double precision, count bigint, dose numeric, smoker boolean, stage text)`,
      );
      const values: string[] = [];
      // More rows than are fetched at once, and not a multiple of it.
      for (let row = 0; row < 2_345; row++) {
        const age = row / 7;
        const dose = row % 4 === 0 ? null : `${row % 100}.125`;
        const cells = [
          `p${row % 311}`,
          age,
          9_007_199_254_740n + BigInt(row),
          dose,
          row % 3 === 0,
          row % 2 === 0 ? 'a' : 'b',
        ];
        lines.push(cells.map((cell) => cell ?? '').join(','));
        values.push(`(${row}, '${cells[0]}', ${age}, ${cells[2]}, ${dose ?? 'NULL'}, ${cells[4]}, '${cells[5]} ')`);
      }
      await client.query(`INSERT INTO ${table} VALUES ${values.join(',')}`);
    });
    afterAll(async () => {
      await client.query(`DROP TABLE ${table}`);
      await client.end();
    });
    const all = () => `SELECT * FROM ${table} ORDER BY seq; -- with a comment`;
    const read = (query: string, at = url) => readUnits(sqlRows(at, query), schema);
    const refused = async (query: string, at = url): Promise<{ code: string; message: string }> =>
      read(query, at).then(
        () => ({ code: 'none', message: '' }),
        (error: { code: string; message: string }) => error,
      );

    it('gives the same units as the table as CSV, bit for bit', async () => {
      const text = ['patient,age,count,dose,smoker,stage', ...lines].join('\n');
      const asCsv = await readUnits(
        csvRows({
          name: 'csv',
          async *open() {
            yield new TextEncoder().encode(text);
          },
        }),
        schema,
      );
      const asQuery = await read(all());
      expect(asQuery).toEqual(asCsv);
      expect(asQuery.report).toMatchObject({ rows: 2_345, rowsKept: 2_345, units: 311 });
    });

    it('counts NULL as missing, by rule', async () => {
      const { report } = await read(
        `SELECT NULL AS patient, age, count, dose, NULL AS smoker, stage FROM ${table} LIMIT 3`,
      );
      expect(report.leftOut).toEqual([{ rule: 'smoker: not one of the 2 categories', rows: 3, firstRow: 1 }]);
    });

    it('refuses what gives no rows, other columns, one twice, a wrong name, and what is no query', async () => {
      expect(await refused(`SELECT * FROM ${table} WHERE false`)).toMatchObject({
        code: 'DATA_INVALID',
        message: expect.stringContaining('no rows'),
      });
      expect(await refused(`SELECT patient, age FROM ${table}`)).toMatchObject({
        code: 'DATA_INVALID',
        message: expect.stringContaining('count, dose'),
      });
      expect(await refused(`SELECT *, age FROM ${table}`)).toMatchObject({
        code: 'DATA_INVALID',
        message: expect.stringContaining('twice'),
      });
      expect(await refused('SELECT * FROM nowhere')).toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining('nowhere'),
      });
      expect(await refused('nonsense')).toMatchObject({ code: 'INVALID_INPUT' });
      const division = await refused(`SELECT 1 / (seq - 2) AS age FROM ${table}`);
      expect(division).toMatchObject({ code: 'DATA_INVALID', message: expect.stringContaining('22012') });
    });

    it('writes nothing: neither in the query nor behind it', async () => {
      const count = async () => (await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n;
      expect(await refused(`${all().split(';')[0]}; COMMIT; DELETE FROM ${table}`)).toMatchObject({
        code: 'INVALID_INPUT',
      });
      expect(await refused(`WITH gone AS (DELETE FROM ${table} RETURNING *) SELECT * FROM gone`)).toMatchObject({
        code: 'INVALID_INPUT',
      });
      expect(await count()).toBe('2345');
    });

    it('names a database that is not there', async () => {
      const other = new URL(url);
      other.pathname = '/sotto_no_such_database';
      expect(await refused('SELECT 1', other.href)).toMatchObject({ code: 'NOT_FOUND' });
    });
  });
}
