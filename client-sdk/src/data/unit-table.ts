import type { UnitBatch } from '@sotto/shared/model';
import type { DataSchema } from '@sotto/shared/plan';
import { createRowEncoder } from './row-encoder.ts';

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
};

/** A table's rows, encoded and grouped by privacy unit. */
export type UnitTable = {
  readonly schema: DataSchema;
  readonly batch: UnitBatch;
  /** Id of each unit, in the order of the batch: the order of first appearance. */
  readonly unitIds: readonly string[];
  readonly report: DataReport;
};

/** Takes a table's rows one by one and groups them. */
export type UnitTableBuilder = {
  add(cells: readonly string[]): void;
  finish(): UnitTable;
};

/**
 * Reads rows of a table with that header; rows that break the schema are left out and counted by rule. A patient's rows become
 * adjacent wherever they stood in the table.
 * @throws {DATA_INVALID} when the header does not fit the schema.
 */
export function createUnitTable(schema: DataSchema, header: readonly string[]): UnitTableBuilder {
  const encoder = createRowEncoder(schema, header);
  const { features } = encoder;
  let inputs = new Float32Array(256 * features);
  const targets: number[] = [];
  const unitOfRow: number[] = [];
  const units = new Map<string, number>();
  const broken = new Map<string, { rows: number; readonly firstRow: number }>();
  let read = 0;

  return {
    add(cells) {
      read += 1;
      const row = targets.length;
      if ((row + 1) * features > inputs.length) {
        const larger = new Float32Array(inputs.length * 2);
        larger.set(inputs);
        inputs = larger;
      }
      const encoded = encoder.encode(cells, inputs, row * features);
      if (!encoded.ok) {
        const count = broken.get(encoded.rule) ?? { rows: 0, firstRow: read };
        count.rows += 1;
        broken.set(encoded.rule, count);
        return;
      }
      // Without an id column each row is a unit of its own, known by its number in the file, left-out rows counted.
      const unitId = encoded.unitId ?? String(read);
      const unit = units.get(unitId) ?? units.size;
      units.set(unitId, unit);
      unitOfRow.push(unit);
      targets.push(encoded.target);
    },
    finish() {
      const batch = groupByUnit(inputs, features, targets, unitOfRow, units.size);
      const leftOut = [...broken].map(([rule, count]) => ({ rule, ...count })).sort((a, b) => b.rows - a.rows);
      return {
        schema,
        batch,
        unitIds: [...units.keys()],
        report: { rows: read, rowsKept: batch.rows, units: batch.units, leftOut },
      };
    },
  };
}

/** Counting sort by unit: keeps the order of the rows of one unit. */
function groupByUnit(
  inputs: Float32Array,
  features: number,
  targets: readonly number[],
  unitOfRow: readonly number[],
  units: number,
): UnitBatch {
  const rows = targets.length;
  const rowOffsets = new Uint32Array(units + 1);
  for (const unit of unitOfRow) rowOffsets[unit + 1]! += 1;
  for (let unit = 0; unit < units; unit++) rowOffsets[unit + 1]! += rowOffsets[unit]!;
  const next = rowOffsets.slice();
  const grouped = new Float32Array(rows * features);
  const groupedTargets = new Float32Array(rows);
  unitOfRow.forEach((unit, row) => {
    const place = next[unit]!++;
    grouped.set(inputs.subarray(row * features, (row + 1) * features), place * features);
    groupedTargets[place] = targets[row]!;
  });
  return { units, rowOffsets, rows, inputs: grouped, features, targets: groupedTargets };
}
