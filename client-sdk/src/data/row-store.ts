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
  /** Lets go of everything; the table is not to be finished. */
  discard(): void;
};

/** Encoded rows in memory, in the order in which they came. */
export type MemoryRows = RowStore<UnitBatch> & {
  rows(): number;
  /** Hands all rows over to another store, and keeps none. */
  moveTo(other: RowStore<unknown>): void;
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
    moveTo(other) {
      targets.forEach((target, row) => {
        const room = other.room();
        room.inputs.set(inputs.subarray(row * features, (row + 1) * features), room.offset);
        other.keep({ unit: unitOfRow[row]!, target });
      });
      inputs = new Float32Array(0);
      targets.length = 0;
      unitOfRow.length = 0;
    },
    finish: (units) => groupByUnit(inputs, features, targets, unitOfRow, units),
    discard: () => undefined,
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
