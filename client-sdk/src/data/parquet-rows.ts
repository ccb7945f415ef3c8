import { stat } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';
import type { ParquetParsers, ParquetScan, SchemaTree } from 'hyparquet';
import { unreadable } from './node-files.ts';
import { cellOf, notOneValue, placesIn, type RowSource, type WantedColumn } from './row-source.ts';

/**
 * The rows of a Parquet file, one row group at a time and of that the wanted columns alone. Numbers are taken as they are stored: a
 * float column holds other numbers than their decimal texts in a CSV file would.
 *
 * @throws {FILE_NOT_FOUND} (when read) where the file cannot be read.
 * @throws {DATA_INVALID} (when read) where it is no Parquet file, lacks a column, or a wanted one is nested.
 */
export function parquetRows(path: string): RowSource {
  return {
    name: path,
    async *rows(columns) {
      const scan = await open(path, columns);
      for (const { rowStart, rowEnd } of scan.ranges) {
        // One after the other: a row group's columns together are what has to fit in memory.
        const values: ArrayLike<unknown>[] = [];
        for (const { name } of columns) {
          values.push(await reading(path, () => scan.readColumn({ column: name, rowStart, rowEnd })));
        }
        for (let row = 0; row < rowEnd - rowStart; row++) {
          yield columns.map(({ name }, index) => {
            const cell = cellOf(values[index]![row]);
            if (cell === null) throw notOneValue(name, `row ${rowStart + row + 1}`);
            return cell;
          });
        }
      }
    },
  };
}

/** A date is one without a time, as in a CSV file. */
const parsers: Partial<ParquetParsers> = {
  dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

async function open(path: string, columns: readonly WantedColumn[]): Promise<ParquetScan> {
  await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  // Loaded here, since most nodes never need them.
  const { asyncBufferFromFile, parquetMetadataAsync, parquetScan, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  return reading(path, async () => {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const { children } = parquetSchema(metadata);
    const places = placesIn(
      children.map(({ element }) => element.name),
      columns,
    );
    // Places are those of children.
    for (const place of places) requireFlat(children[place]!);
    return parquetScan({ file, metadata, columns: columns.map(({ name }) => name), compressors, parsers });
  });
}

function requireFlat({ element, children }: SchemaTree): void {
  if (children.length === 0 && element.repetition_type !== 'REPEATED') return;
  throw new SottoError(
    'DATA_INVALID',
    `column ${element.name} is nested (a list, map or structure); write it as columns of single values`,
  );
}

/** What the reader throws is a damaged file, or one in a form that it does not know. */
async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SottoError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SottoError('DATA_INVALID', `${path}: cannot be read as Parquet: ${reason}`);
  }
}
