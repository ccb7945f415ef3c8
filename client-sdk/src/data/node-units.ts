import { closeSync } from 'node:fs';
import type { UnitBatch, UnitsOnNeed } from '@sotto/shared/model';
import type { DataPart } from '../session/ports.ts';
import { shareUnits, sharedPositions, unitsByPart, type PlacedUnits, type SplitFractions } from './split.ts';
import { storedUnitsByPart, type PlacedStoredUnits, type StoredUnits } from './stored-units.ts';
import type { UnitTable } from './unit-table.ts';

/** A node's table: in memory, or in a file where memory does not hold it. */
export type NodeTable = UnitTable<UnitBatch | StoredUnits>;

/** Its units as threads are given them: handing them over takes no time that would tell how many there are. */
export type NodeUnits = PlacedUnits | PlacedStoredUnits;

/** Places a table's units by the key of the split. */
export function placeUnits(table: NodeTable, splitKey: Uint8Array): NodeUnits {
  const { batch } = table;
  return 'file' in batch
    ? { stored: batch, positions: sharedPositions(table.unitIds, splitKey) }
    : shareUnits({ ...table, batch }, splitKey);
}

/** The units of each part. */
export function unitsOfParts(units: NodeUnits): (part: DataPart, split: SplitFractions) => UnitBatch | UnitsOnNeed {
  return 'stored' in units ? storedUnitsByPart(units) : unitsByPart(units);
}

/** Lets go of a table that lies in a file: it is gone then. No thread may read it any more. */
export function releaseTable({ batch }: NodeTable): void {
  if ('file' in batch) closeSync(batch.file);
}

/** The same, of units that were placed. */
export function releaseUnits(units: NodeUnits): void {
  if ('stored' in units) closeSync(units.stored.file);
}
