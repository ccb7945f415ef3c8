import { isSottoError, SottoError } from '@sotto/shared/errors';
import type { UnitBatch } from '@sotto/shared/model';
import type { DataSchema } from '@sotto/shared/plan';
import { wantedColumns, type Row, type RowSource } from './row-source.ts';
import { rowsInMemory, type RowStore } from './row-store.ts';
import { createUnitTableIn, type UnitTable } from './unit-table.ts';

/**
 * Reads a source's rows with a schema, into memory.
 *
 * @example
 * const table = await readUnits(fromFile(file), schema);
 * console.log(table.report.units, table.report.leftOut);
 *
 * @throws {DATA_INVALID} when the source is damaged or lacks a column; columns, lines and rows are named, values never.
 */
export function readUnits(source: RowSource, schema: DataSchema): Promise<UnitTable> {
  return readUnitsInto<UnitBatch>(source, schema, rowsInMemory);
}

/** The same, with rows that are kept as the caller says. */
export async function readUnitsInto<Units>(
  source: RowSource,
  schema: DataSchema,
  keep: (features: number) => RowStore<Units>,
): Promise<UnitTable<Units>> {
  const header = wantedColumns(schema).map(({ name }) => name);
  const table = createUnitTableIn(schema, header, keep);
  await forEachRow(source, schema, (row) => table.add(row));
  return table.finish();
}

/** Calls with each row, its cells in the order of the schema's wanted columns; what goes wrong names the source. */
export async function forEachRow(source: RowSource, schema: DataSchema, visit: (row: Row) => void): Promise<void> {
  try {
    for await (const row of source.rows(wantedColumns(schema))) visit(row);
  } catch (error) {
    throw isSottoError(error, 'DATA_INVALID') && !error.message.startsWith(source.name)
      ? new SottoError('DATA_INVALID', `${source.name}: ${error.message}`, error.details)
      : error;
  }
}
