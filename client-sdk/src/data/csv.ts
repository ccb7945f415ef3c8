import { createReadStream } from 'node:fs';
import { SottoError } from '@sotto/shared/errors';
import type { DataSchema } from '@sotto/shared/plan';
import { CsvError, parse } from 'csv-parse';
import { createUnitTable, type UnitTable, type UnitTableBuilder } from './unit-table.ts';

/** Largest row of a CSV file, in bytes: an unclosed quote must not read the whole file into one cell. */
const recordMaxBytes = 4_194_304;

/**
 * Reads a CSV file (RFC 4180: commas, double quotes, a header line; UTF-8) as a stream.
 *
 * @example
 * const table = await readCsv('patients.csv', schema);
 * console.log(table.report.units, table.report.leftOut);
 *
 * @throws {FILE_NOT_FOUND} when the file cannot be read.
 * @throws {DATA_INVALID} when it is no CSV, has no header, or lacks a column of the schema; columns are named.
 */
export async function readCsv(path: string, schema: DataSchema): Promise<UnitTable> {
  let table: UnitTableBuilder | null = null;
  try {
    for await (const cells of readRecords(path)) {
      if (table === null) table = createUnitTable(schema, cells);
      else table.add(cells);
    }
  } catch (error) {
    throw readFailure(path, error);
  }
  if (table === null) throw emptyFile(path);
  return table.finish();
}

/**
 * A CSV file's header and rows as texts, for tools that divide a table before it is read by a schema. Columns that no schema
 * names are there too.
 * @throws {FILE_NOT_FOUND | DATA_INVALID} as {@link readCsv}.
 */
export async function readCsvRecords(
  path: string,
): Promise<{ readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] }> {
  const records: string[][] = [];
  try {
    for await (const cells of readRecords(path)) records.push(cells);
  } catch (error) {
    throw readFailure(path, error);
  }
  const [header, ...rows] = records;
  if (header === undefined) throw emptyFile(path);
  return { header, rows };
}

async function* readRecords(path: string): AsyncGenerator<string[]> {
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    // Named, because the parser would else take the first line's ending for all: files that tools have joined mix them.
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: recordMaxBytes,
  });
  const file = createReadStream(path);
  file.once('error', (error) => parser.destroy(error));
  file.pipe(parser);
  try {
    for await (const record of parser) yield textCells(record);
  } finally {
    file.destroy();
  }
}

function emptyFile(path: string): SottoError {
  return new SottoError('DATA_INVALID', `${path}: the file is empty, a header line was expected`);
}

function textCells(record: unknown): string[] {
  if (!Array.isArray(record)) throw new SottoError('INTERNAL', 'csv: expected a record to be a list of cells');
  return record.map((cell) => String(cell));
}

function readFailure(path: string, error: unknown): SottoError {
  if (error instanceof SottoError) {
    return error.code === 'DATA_INVALID'
      ? new SottoError('DATA_INVALID', `${path}: ${error.message}`, error.details)
      : error;
  }
  if (error instanceof CsvError) {
    // The parser's own message may quote a cell; the place is enough to find it.
    const line: unknown = 'lines' in error ? error['lines'] : null;
    return new SottoError('DATA_INVALID', `${path}: not a CSV file at line ${String(line)}: ${error.code}`);
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${code})`);
}
