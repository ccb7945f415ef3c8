import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSchema } from '@sotto/shared/plan';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCsv } from '../data/csv.ts';
import { partOfUnit } from '../data/split.ts';
import { openDataSource } from './data-source.ts';

let folder = '';
let file = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-rows-'));
  file = join(folder, 'patients.csv');
});
afterAll(async () => rm(folder, { recursive: true }));

const lines = Array.from({ length: 40 }, (_, row) => `${row / 40},${row % 2}`);
const csv = (rows: readonly string[]) => `x,y\n${rows.join('\n')}\n`;
const schema: DataSchema = {
  name: 's',
  unitId: null,
  columns: [
    { kind: 'number', name: 'x', min: 0, max: 1, transform: 'identity', centre: 0, scale: 1, fill: null, missing: [] },
  ],
  target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
};

// The attack that this stops: each part's ε is counted apart, so somebody who is moved from one to the other is counted in neither.
it('taking one row out moves others between the parts', async () => {
  const split = { validation: 0.3, test: 0 };
  const key = new Uint8Array(32).fill(7);
  const partsBy = async (rows: readonly string[]) => {
    await writeFile(file, csv(rows));
    const { batch, unitIds } = await readCsv(file, schema);
    return new Map(unitIds.map((id, unit) => [batch.inputs[unit], partOfUnit(key, id, split)]));
  };
  const before = await partsBy(lines);
  const after = await partsBy(lines.slice(1));
  expect([...after].filter(([x, part]) => before.get(x) !== part).length).toBeGreaterThan(5);
});

it('a data source whose rows are known by number takes rows at the end, and nothing else', async () => {
  const open = async () => {
    const source = await openDataSource(join(folder, 'books'));
    try {
      await source.keepRowNumbers(file);
    } finally {
      await source.close();
    }
  };
  await writeFile(file, csv(lines));
  await open();
  await open();
  await writeFile(file, csv([...lines, '0.5,1']));
  await open();
  for (const changed of [lines, lines.slice(1), ['0.5,1', ...lines], ['0.9,1', ...lines.slice(1), '0.5,1'], []]) {
    await writeFile(file, csv(changed));
    await expect(open()).rejects.toMatchObject({ code: 'DATA_INVALID' });
  }
  await writeFile(file, csv([...lines, '0.5,1', '0.25,0']));
  await open();
});
