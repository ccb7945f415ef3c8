import type { DataSchema } from '@sotto/shared/plan';
import { textFileAt } from './node-files.ts';
import { readUnits } from './read-units.ts';
import { csvRecords, csvRows } from './text-rows.ts';
import type { UnitTable } from './unit-table.ts';

/**
 * Reads a CSV file (RFC 4180: commas, double quotes, a header line; UTF-8) as a stream, into memory.
 *
 * @example
 * const table = await readCsv('patients.csv', schema);
 * console.log(table.report.units, table.report.leftOut);
 *
 * @throws {FILE_NOT_FOUND} when the file cannot be read.
 * @throws {DATA_INVALID} when it is no CSV, has no header, or lacks a column of the schema; columns are named.
 */
export function readCsv(path: string, schema: DataSchema): Promise<UnitTable> {
  return readUnits(csvRows(textFileAt(path)), schema);
}

/**
 * A CSV file's header and rows as texts, for tools that divide a table before it is read by a schema. Columns that no schema
 * names are there too.
 * @throws {FILE_NOT_FOUND | DATA_INVALID} as {@link readCsv}.
 */
export async function readCsvRecords(
  path: string,
): Promise<{ readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] }> {
  let header: readonly string[] | null = null;
  const rows: (readonly string[])[] = [];
  for await (const record of csvRecords(textFileAt(path))) {
    if (header === null) header = record;
    else rows.push(record);
  }
  // `csvRecords` refuses an empty file.
  return { header: header ?? [], rows };
}
