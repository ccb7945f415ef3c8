import { sha256, signedBytes } from '@sotto/shared/crypto';
import { selectUnits, type UnitBatch } from '@sotto/shared/model';
import type { Plan } from '@sotto/shared/plan';
import type { DataPart, LocalData } from '../session/ports.ts';
import type { UnitTable } from './unit-table.ts';

/** Shares of the units that are held back: the rest trains. */
export type SplitFractions = Plan['split'];

/**
 * The part that a unit belongs to, by a keyed hash of its id alone: a corrected or added row moves nothing, and nobody without
 * the key can tell a unit's part. Test is [0, test), validation [test, test + validation), training the rest.
 *
 * @param splitKey - 32 bytes, made once for the data source and kept.
 */
export function partOfUnit(splitKey: Uint8Array, unitId: string, split: SplitFractions): DataPart {
  return partAt(positionOfUnit(splitKey, unitId), split);
}

/** Where a unit lies in [0, 1), by the keyed hash of its id. */
function positionOfUnit(splitKey: Uint8Array, unitId: string): number {
  const digest = sha256(signedBytes('split', splitKey, unitId));
  let position = 0;
  for (let index = 5; index >= 0; index--) position = (position + digest[index]!) / 256;
  return position;
}

/** The part of a unit that lies at a position. */
export function partAt(position: number, split: SplitFractions): DataPart {
  if (position < split.test) return 'test';
  return position < split.test + split.validation ? 'validation' : 'train';
}

/** A table's units by part, each part made once. */
export function createLocalData(table: UnitTable, splitKey: Uint8Array): LocalData {
  const positions = Float64Array.from(table.unitIds, (unitId) => positionOfUnit(splitKey, unitId));
  return { schema: table.schema, unitsOf: unitsByPart({ batch: table.batch, positions }) };
}

/** Units and where each lies in [0, 1), by which any split is made. */
export type PlacedUnits = { readonly batch: UnitBatch; readonly positions: Float64Array };

/** The units of a part, each part made once. */
export function unitsByPart({ batch, positions }: PlacedUnits): (part: DataPart, split: SplitFractions) => UnitBatch {
  const parts = new Map<string, UnitBatch>();
  return (part, split) => {
    const name = `${part} ${split.validation} ${split.test}`;
    const known = parts.get(name);
    if (known !== undefined) return known;
    const chosen: number[] = [];
    positions.forEach((position, unit) => {
      if (partAt(position, split) === part) chosen.push(unit);
    });
    const units = chosen.length === batch.units ? batch : selectUnits(batch, chosen);
    parts.set(name, units);
    return units;
  };
}

/** A table's units in memory that threads share: handing them over takes no time that would tell how many there are. */
export function shareUnits(table: UnitTable, splitKey: Uint8Array): PlacedUnits {
  const { batch } = table;
  const positions = sharedPositions(table.unitIds, splitKey);
  const rowOffsets = new Uint32Array(new SharedArrayBuffer(batch.rowOffsets.byteLength));
  const inputs = new Float32Array(new SharedArrayBuffer(batch.inputs.byteLength));
  const targets = new Float32Array(new SharedArrayBuffer(batch.targets.byteLength));
  rowOffsets.set(batch.rowOffsets);
  inputs.set(batch.inputs);
  targets.set(batch.targets);
  return { batch: { ...batch, rowOffsets, inputs, targets }, positions };
}

/** Where each unit lies in [0, 1), in memory that threads share. */
export function sharedPositions(unitIds: readonly string[], splitKey: Uint8Array): Float64Array {
  const positions = new Float64Array(new SharedArrayBuffer(unitIds.length * 8));
  unitIds.forEach((unitId, unit) => (positions[unit] = positionOfUnit(splitKey, unitId)));
  return positions;
}
