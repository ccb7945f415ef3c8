import type { UnitBatch } from '@sotto/shared/model';
import type { DataSchema } from '@sotto/shared/plan';
import { rowsInMemory, type RowStore } from './row-store.ts';
import { createRowReader, type DataReport } from './row-reader.ts';
import type { Row } from './row-source.ts';

/**
 * A table's rows, encoded and grouped by privacy unit.
 * @typeParam Units - how they are kept: in memory, or in a file where they do not fit.
 */
export type UnitTable<Units = UnitBatch> = {
  readonly schema: DataSchema;
  readonly batch: Units;
  /** Id of each unit, in the order of the batch: the order of first appearance. */
  readonly unitIds: readonly string[];
  readonly report: DataReport;
};

/** Takes a table's rows one by one and groups them. */
export type UnitTableBuilder<Units = UnitBatch> = {
  /** @throws {DATA_INVALID} naming the row, when an image is not as the schema says. */
  add(row: Row): void;
  finish(): UnitTable<Units>;
};

/**
 * Reads rows of a table with that header; rows that break the schema are left out and counted by rule. A patient's rows become
 * adjacent wherever they stood in the table.
 * @throws {DATA_INVALID} when the header does not fit the schema.
 */
export function createUnitTable(schema: DataSchema, header: readonly string[]): UnitTableBuilder {
  return createUnitTableIn(schema, header, rowsInMemory);
}

/** The same, with rows that are kept as the caller says. */
export function createUnitTableIn<Units>(
  schema: DataSchema,
  header: readonly string[],
  keep: (features: number) => RowStore<Units>,
): UnitTableBuilder<Units> {
  const reader = createRowReader(schema, header);
  const rows = keep(reader.features);
  return {
    add(row) {
      const { inputs, offset } = rows.room();
      const kept = reader.read(row, inputs, offset);
      if (kept !== null) rows.keep(kept);
    },
    finish: () => ({
      schema,
      batch: rows.finish(reader.units.size()),
      unitIds: [...reader.units.ids()],
      report: reader.report(),
    }),
  };
}
