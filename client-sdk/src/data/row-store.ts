import type { UnitBatch } from '@sotto/shared/model';
import type { KeptRow } from './row-reader.ts';

/** Where the encoded rows of a table go until all have been read. */
export type RowStore<Units> = {
  /** Where the next row's inputs are to be written; what is not kept is overwritten by the row after. */
  room(): { readonly inputs: Float32Array; readonly offset: number };
  /** Keeps the row that was written last. */
  keep(row: KeptRow): void;
  /** The rows, grouped by unit: units in the order of their numbers, a unit's rows in the order in which they came. */
  finish(units: number): Units;
};

/** Encoded rows in memory, in the order in which they came. */
export type MemoryRows = RowStore<UnitBatch> & {
  readonly rows: () => number;
  /** Calls with each row that is kept, and its inputs as a view. */
  forEach(visit: (row: KeptRow, inputs: Float32Array) => void): void;
};

export function rowsInMemory(features: number): MemoryRows {
  let inputs = new Float32Array(256 * features);
  const targets: number[] = [];
  const unitOfRow: number[] = [];
  return {
    rows: () => targets.length,
    room() {
      const offset = targets.length * features;
      if (offset + features > inputs.length) {
        const larger = new Float32Array(inputs.length * 2);
        larger.set(inputs);
        inputs = larger;
      }
      return { inputs, offset };
    },
    keep({ unit, target }) {
      unitOfRow.push(unit);
      targets.push(target);
    },
    forEach(visit) {
      targets.forEach((target, row) =>
        visit({ unit: unitOfRow[row]!, target }, inputs.subarray(row * features, (row + 1) * features)),
      );
    },
    finish: (units) => groupByUnit(inputs, features, targets, unitOfRow, units),
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
