import { isSottoError, SottoError } from '@sotto/shared/errors';
import type { DataSchema } from '@sotto/shared/plan';
import { watchConstantColumns } from './constant-columns.ts';
import { createRowEncoder } from './row-encoder.ts';
import type { Row } from './row-source.ts';
import { createUnitIndex, type UnitIndex } from './unit-index.ts';

/** What was read and what was left out, for the client's own screen alone. */
export type DataReport = {
  readonly rows: number;
  readonly rowsKept: number;
  readonly units: number;
  /** Rows left out by the first rule that each broke, most frequent first. */
  readonly leftOut: readonly {
    readonly rule: string;
    readonly rows: number;
    /** Number of the first such row, the row below the header being 1. */
    readonly firstRow: number;
  }[];
  /** Columns that are one value in every row that takes part: from them a model can learn whose rows these are. */
  readonly constantColumns: readonly string[];
};

/** A row that takes part: which unit's it is, counted in the order of first appearance, and its target. */
export type KeptRow = { readonly unit: number; readonly target: number };

/** Takes a table's rows one by one: encodes them, counts those that break the schema, and knows the units again. */
export type RowReader = {
  readonly features: number;
  readonly units: UnitIndex;
  /**
   * Writes the row's inputs to `inputs` at `offset`; null where it is left out.
   * @throws {DATA_INVALID} naming the row, when an image is not as the schema says.
   */
  read(row: Row, inputs: Float32Array, offset: number): KeptRow | null;
  report(): DataReport;
};

/** @throws {DATA_INVALID} when the header does not fit the schema. */
export function createRowReader(schema: DataSchema, header: readonly string[]): RowReader {
  const encoder = createRowEncoder(schema, header);
  const units = createUnitIndex();
  const constant = watchConstantColumns(schema);
  const broken = new Map<string, { rows: number; readonly firstRow: number }>();
  let rows = 0;
  let rowsKept = 0;
  const leaveOut = (rule: string): null => {
    const count = broken.get(rule) ?? { rows: 0, firstRow: rows };
    count.rows += 1;
    broken.set(rule, count);
    return null;
  };
  return {
    features: encoder.features,
    units,
    read(row, inputs, offset) {
      rows += 1;
      if ('broken' in row) return leaveOut(row.broken);
      const encoded = namingRow(rows, () => encoder.encode(row, inputs, offset));
      if (!encoded.ok) return leaveOut(encoded.rule);
      rowsKept += 1;
      constant.see(inputs, offset);
      // Without an id column each row is a unit of its own, known by its number in the table, left-out rows counted.
      return { unit: units.numberOf(encoded.unitId ?? String(rows)), target: encoded.target };
    },
    report() {
      const leftOut = [...broken].map(([rule, count]) => ({ rule, ...count })).sort((a, b) => b.rows - a.rows);
      return { rows, rowsKept, units: units.size(), leftOut, constantColumns: constant.names() };
    },
  };
}

function namingRow<T>(row: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isSottoError(error, 'DATA_INVALID')
      ? new SottoError('DATA_INVALID', `row ${row}, ${error.message}`, error.details)
      : error;
  }
}
