import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectUnits, type UnitBatch } from '@sotto/shared/model';
import { dataSchemaSchema } from '@sotto/shared/plan';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectRows } from './object-rows.ts';
import { readUnits, readUnitsInto } from './read-units.ts';
import { writeFully } from './nameless-file.ts';
import { rowsWithin } from './stored-rows.ts';
import { readStoredUnits, storedUnitsByPart, type StoredUnits } from './stored-units.ts';
import { sharedPositions, unitsByPart } from './split.ts';

const schema = (features: number, unitId: string | null = 'id') =>
  dataSchemaSchema.parse({
    name: 'numbers',
    unitId,
    columns: Array.from({ length: features }, (_, at) => ({
      kind: 'number',
      name: `x${at}`,
      min: -1e9,
      max: 1e9,
      centre: 0.3,
      scale: 7,
    })),
    target: { kind: 'number', column: 'y', min: -1e9, max: 1e9, centre: 0, scale: 3 },
  });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-stored-'));
});
afterAll(async () => rm(folder, { recursive: true }));

/** A row of that unit; a row in eight breaks the schema. */
function rowOf(id: number, row: number, features: number): Record<string, unknown> {
  const cells = Array.from({ length: features }, (_, at) => [`x${at}`, (row * 31 + at * 7) % 1_009]);
  return { id: `u${id}`, y: row % 8 === 7 ? 'broken' : row, ...Object.fromEntries(cells) };
}

/** The same rows in memory, and within a limit. */
async function both(ids: readonly number[], features: number, memoryBytes: number, unitId: string | null = 'id') {
  const source = objectRows('rows', () => ids.map((id, row) => rowOf(id, row, features)));
  const inMemory = await readUnits(source, schema(features, unitId));
  const within = await readUnitsInto(source, schema(features, unitId), rowsWithin({ memoryBytes, folder }));
  expect({ report: within.report, unitIds: within.unitIds }).toEqual({
    report: inMemory.report,
    unitIds: inMemory.unitIds,
  });
  return { memory: inMemory.batch, unitIds: inMemory.unitIds, stored: stored(within.batch) };
}

function stored(batch: UnitBatch | StoredUnits): StoredUnits {
  if (!('file' in batch)) throw new TypeError('expected the rows in a file');
  return batch;
}

const every = (batch: { readonly units: number }) => Array.from({ length: batch.units }, (_, unit) => unit);

describe('rows that memory does not hold', () => {
  it('are the same units as in memory, bit for bit, whatever is chosen and however they stand in the table', async () => {
    const unit = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(3));
    await fc.assert(
      fc.asyncProperty(
        fc.array(unit, { minLength: 40, maxLength: 300 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 3_000 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        async (ids, features, sorted, memoryBytes, picks) => {
          const rows = sorted ? [...ids].sort((a, b) => a - b) : ids;
          // One that is certainly less than the rows need.
          const { memory, stored: file } = await both(rows, features, Math.min(memoryBytes, rows.length), 'id');
          try {
            expect(readStoredUnits(file, every(file))).toEqual(memory);
            const chosen = picks.map((pick) => pick % file.units);
            expect(readStoredUnits(file, chosen)).toEqual(selectUnits(memory, chosen));
          } finally {
            closeSync(file.file);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of a table without ids stay as they come', async () => {
    const { memory, stored: file } = await both(
      Array.from({ length: 500 }, () => 0),
      3,
      1_000,
      null,
    );
    expect(file.units).toBe(memory.rows);
    expect(readStoredUnits(file, every(file))).toEqual(memory);
    closeSync(file.file);
  });

  it('are read over several blocks, and brought together in groups with files of their own', async () => {
    // 3 MB in blocks of 1 MB, and memory for a twentieth.
    const features = 250;
    const ids = Array.from({ length: 3_000 }, (_, row) => (row * 7_919) % 1_303);
    const { memory, stored: file } = await both(ids, features, (3_000 * features * 4) / 20);
    const read = readStoredUnits(file, every(file));
    const bytes = ({ inputs, targets, rowOffsets }: UnitBatch) =>
      [inputs, targets, rowOffsets].map((values) => Buffer.from(values.buffer).toString('base64'));
    expect(bytes(read)).toEqual(bytes(memory));
    closeSync(file.file);
  });

  it('are divided into the same parts', async () => {
    const ids = Array.from({ length: 400 }, (_, row) => (row * 13) % 97);
    const { memory, unitIds, stored: file } = await both(ids, 2, 400);
    const positions = sharedPositions(unitIds, new Uint8Array(32).fill(9));
    const split = { validation: 0.2, test: 0.3 };
    const inFile = storedUnitsByPart({ stored: file, positions });
    const inMemory = unitsByPart({ batch: memory, positions });
    for (const part of ['train', 'validation', 'test'] as const) {
      const units = inFile(part, split);
      expect(await units.read(every(units))).toEqual(inMemory(part, split));
    }
    // All of a part at once are as much as memory may hold, or refused.
    expect(() => inFile('train', split).readAll()).toThrow('whose unit is the client');
    const roomy = storedUnitsByPart({ stored: { ...file, memoryBytes: 1e6 }, positions });
    expect(await roomy('train', split).readAll()).toEqual(inMemory('train', split));
    closeSync(file.file);
  });

  it('lie in a file that no name leads to, for the owner alone, and take no room when it is closed', async () => {
    const { stored: file } = await both(
      Array.from({ length: 300 }, (_, row) => row % 50),
      2,
      300,
    );
    expect(await readdir(folder)).toEqual([]);
    expect(fstatSync(file.file)).toMatchObject({ nlink: 0, size: file.rows * 4 * 4 });
    expect(fstatSync(file.file).mode & 0o777).toBe(0o600);
    closeSync(file.file);
  });

  it('that are held back are refused instead, and a full disk is said to be full', async () => {
    const source = objectRows('rows', () => Array.from({ length: 100 }, (_, row) => rowOf(row, row, 2)));
    await expect(
      readUnitsInto(source, schema(2), rowsWithin({ memoryBytes: 100, folder: null })),
    ).rejects.toMatchObject({ code: 'DATA_INVALID', message: expect.stringContaining('--memory') });
    if (!existsSync('/dev/full')) return;
    const full = openSync('/dev/full', 'w');
    expect(() => writeFully(full, new Uint8Array(8), 0, 'books')).toThrow('no room');
    closeSync(full);
  });
});
