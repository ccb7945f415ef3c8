import { dataSchemaSchema } from '@sotto/shared/plan';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLocalData, partOfUnit } from './split.ts';
import { createUnitTable } from './unit-table.ts';

const schema = dataSchemaSchema.parse({
  name: 'numbers',
  unitId: 'id',
  columns: [{ kind: 'number', name: 'x', min: -1e9, max: 1e9, centre: 0, scale: 1 }],
  target: { kind: 'number', column: 'y', min: -1e9, max: 1e9, centre: 0, scale: 1 },
});
const key = new Uint8Array(32).fill(7);
const split = { validation: 0.2, test: 0.3 };

describe('split', () => {
  it("depends on the unit's id alone: not on rows, values, order or other units", () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 30 }).map(String), fc.integer({ min: -9, max: 9 }).map(String));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
        const builder = createUnitTable(schema, ['id', 'x', 'y']);
        for (const [id, x] of rows) builder.add([id, x, id]);
        const data = createLocalData(builder.finish(), key);
        let total = 0;
        for (const part of ['train', 'validation', 'test'] as const) {
          const batch = data.unitsOf(part, split);
          if (batch instanceof Promise) throw new TypeError('expected units at once');
          total += batch.rows;
          for (const target of batch.targets) expect(partOfUnit(key, String(target), split)).toBe(part);
        }
        expect(total).toBe(rows.length);
      }),
      { numRuns: 50 },
    );
  });

  it('takes close to the asked fractions and changes with the key', () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `unit-${index}`);
    const parts = ids.map((id) => partOfUnit(key, id, split));
    const share = (part: string) => parts.filter((name) => name === part).length / ids.length;
    // Six standard deviations of a proportion over 20,000 units are 0.02.
    expect(Math.abs(share('test') - 0.3)).toBeLessThan(0.02);
    expect(Math.abs(share('validation') - 0.2)).toBeLessThan(0.02);
    const other = new Uint8Array(32).fill(8);
    expect(ids.filter((id, index) => partOfUnit(other, id, split) !== parts[index]).length).toBeGreaterThan(5_000);
  });

  it('holds nothing back when nothing is asked for', () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => String(index));
    expect(ids.every((id) => partOfUnit(key, id, { validation: 0, test: 0 }) === 'train')).toBe(true);
  });
});
