import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { imageFolderRows, labelsFile } from './image-folder-rows.ts';
import { textFileAt, unreadable } from './node-files.ts';
import { parquetRows } from './parquet-rows.ts';
import type { RowSource } from './row-source.ts';
import { isPostgresAddress, sqlRows } from './sql-rows.ts';
import { csvRows, jsonLinesRows } from './text-rows.ts';

/** Rows at an address, and the file that says which number a row has; null where nothing does. */
export type AddressedRows = { readonly source: RowSource; readonly numberedBy: string | null };

/** Kinds of files, by how their names end. A new kind is a file with a function and a line here. */
const filesByEnding: Readonly<Record<string, (path: string) => RowSource>> = {
  '.csv': (path) => csvRows(textFileAt(path)),
  '.txt': (path) => csvRows(textFileAt(path)),
  '.jsonl': (path) => jsonLinesRows(textFileAt(path)),
  '.ndjson': (path) => jsonLinesRows(textFileAt(path)),
  '.parquet': parquetRows,
};

/** What `--data` may be, in words. */
export const addressHelp =
  'a file that ends with .csv, .jsonl, .ndjson or .parquet; a folder of images with labels.csv; postgres://… with --query';

/**
 * The rows at an address; rows of one's own making are taken as they are.
 *
 * @param query - for a database: the SQL, or the name of a file that holds it.
 * @throws {FILE_NOT_FOUND} when there is nothing, or it cannot be read.
 * @throws {INVALID_INPUT} when an address is of no known kind, or a query is missing, or stands where none belongs.
 */
export async function rowsAt(address: string | RowSource, query?: string): Promise<AddressedRows> {
  if (typeof address !== 'string') return { source: address, numberedBy: null };
  if (isPostgresAddress(address)) {
    if (query === undefined) {
      throw new SottoError('INVALID_INPUT', '--query is missing: say which rows of the database take part');
    }
    return { source: sqlRows(address, await queryText(query)), numberedBy: null };
  }
  if (query !== undefined) throw new SottoError('INVALID_INPUT', '--query goes with a database alone (postgres://…)');
  const found = await stat(address).catch((error: unknown) => {
    throw unreadable(address, error);
  });
  if (found.isDirectory()) return { source: imageFolderRows(address), numberedBy: `${address}/${labelsFile}` };
  const open = filesByEnding[extname(address).toLowerCase()];
  if (open === undefined) {
    throw new SottoError('INVALID_INPUT', `${address}: of no known kind; expected ${addressHelp}`);
  }
  return { source: open(address), numberedBy: address };
}

/**
 * The folder of the books that belong to the data at an address, where none is named.
 * @throws {INVALID_INPUT} for a database and for rows without an address, beside which nothing can lie.
 */
export function booksBeside(address: string | RowSource): string {
  if (typeof address !== 'string') {
    throw new SottoError('INVALID_INPUT', 'dataSource is missing: the books of rows without an address need a folder');
  }
  if (isPostgresAddress(address)) {
    throw new SottoError(
      'INVALID_INPUT',
      '--data-source is missing: the books of a database need a folder of their own',
    );
  }
  return `${address.replace(/[\\/]+$/, '')}.sotto`;
}

/**
 * The file by whose beginning row numbers are known to mean the same rows, for a schema that names no unit.
 * @throws {DATA_INVALID} for a query: its rows have no lasting numbers.
 */
export function numberedBy({ source, numberedBy: file }: AddressedRows): string {
  if (file !== null) return file;
  throw new SottoError(
    'DATA_INVALID',
    `${source.name}: rows that are in no file have no lasting numbers, and the schema names no column that tells the units apart: name one`,
  );
}

/** A statement has white space in it; a file's name that has some must exist. */
async function queryText(query: string): Promise<string> {
  try {
    return await readFile(query, 'utf8');
  } catch (error) {
    if (/\s/.test(query.trim())) return query;
    throw unreadable(query, error);
  }
}
