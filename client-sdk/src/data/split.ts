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
  const digest = sha256(signedBytes('split', splitKey, unitId));
  let position = 0;
  for (let index = 5; index >= 0; index--) position = (position + digest[index]!) / 256;
  if (position < split.test) return 'test';
  return position < split.test + split.validation ? 'validation' : 'train';
}

/** A table's units by part, each part made once. */
export function createLocalData(table: UnitTable, splitKey: Uint8Array): LocalData {
  const parts = new Map<string, UnitBatch>();
  return {
    schema: table.schema,
    unitsOf(part, split) {
      const name = `${part} ${split.validation} ${split.test}`;
      const known = parts.get(name);
      if (known !== undefined) return known;
      const chosen: number[] = [];
      table.unitIds.forEach((unitId, unit) => {
        if (partOfUnit(splitKey, unitId, split) === part) chosen.push(unit);
      });
      const batch = chosen.length === table.batch.units ? table.batch : selectUnits(table.batch, chosen);
      parts.set(name, batch);
      return batch;
    },
  };
}
