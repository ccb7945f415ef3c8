import type { DataSchema } from '@sotto/shared/plan';
import { sourceOf, type SentData } from '../client/data.ts';
import { numberedRows, type RowBeginning } from '../data/numbered-rows.ts';
import { readUnits } from '../data/read-units.ts';
import type { UnitTable } from '../data/unit-table.ts';

/** What a page's worker is handed over; rows that came one after the other are a list by now. */
export type WebData = SentData | { readonly rows: readonly unknown[] };

export type ReadData = { readonly table: UnitTable; readonly beginning: RowBeginning | null };

/**
 * Reads a page's data.
 * @param known - what the rows began with when their numbers were first relied on; null: nothing is on record.
 * @returns also what to put on record, null where the schema names the unit.
 * @throws {DATA_INVALID} when the data are damaged, lack a column, or rows that are known by their number have moved.
 */
export async function readData(data: WebData, schema: DataSchema, known: RowBeginning | null): Promise<ReadData> {
  const source = sourceOf(data);
  if (schema.unitId !== null) return { table: await readUnits(source, schema), beginning: null };
  let beginning: RowBeginning | null = null;
  const numbered = numberedRows(source, known, (read) => {
    beginning = read;
  });
  return { table: await readUnits(numbered, schema), beginning };
}
