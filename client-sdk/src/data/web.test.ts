import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dataSchemaSchema } from '@sotto/shared/plan';
import { fromFile, fromImages, fromIndexedDb, readUnits } from './web.ts';

/** Every module that a file needs, its own package's followed. */
function importsOf(file: URL, seen = new Set<string>()): Set<string> {
  const text = readFileSync(file, 'utf8');
  for (const [, name = ''] of text.matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
    const next = name.startsWith('.') ? new URL(name, file) : null;
    const key = next?.href ?? name;
    if (seen.has(key)) continue;
    seen.add(key);
    if (next !== null) importsOf(next, seen);
  }
  return seen;
}

const schema = dataSchemaSchema.parse({
  name: 'one',
  unitId: null,
  columns: [{ kind: 'number', name: 'x', min: 0, max: 9, centre: 0, scale: 1 }],
  target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
});

describe('sources for pages', () => {
  it('need nothing but the pure core: no Node, no other package', () => {
    const outside = [...importsOf(new URL('./web.ts', import.meta.url))].filter((name) => !name.startsWith('file:'));
    expect(outside.sort()).toEqual(['@sotto/shared/errors', '@sotto/shared/model', '@sotto/shared/plan']);
  });

  it('read a stream that cannot be iterated, as in Safari, and let go of it when reading ends early', async () => {
    const pieces = ['x,y\n1', ',1\n2,0\n', 'not, a, row'].map((text) => new TextEncoder().encode(text));
    let cancelled = 0;
    const file = {
      name: 'a.csv',
      stream: () => {
        const rest = [...pieces];
        return {
          getReader: () => ({
            read: () => Promise.resolve({ done: rest.length === 0, value: rest.shift() }),
            cancel: () => Promise.resolve(void cancelled++),
          }),
        };
      },
    };
    const { report } = await readUnits(fromFile(file), schema);
    expect(report).toMatchObject({ rows: 3, rowsKept: 2, units: 2 });
    expect(cancelled).toBe(1);
    const other = { ...schema, columns: [{ ...schema.columns[0]!, name: 'z' }] };
    await expect(readUnits(fromFile(file), other)).rejects.toMatchObject({ code: 'DATA_INVALID' });
    expect(cancelled).toBe(2);
  });

  it('say what a platform lacks', async () => {
    const images = {
      ...schema,
      columns: [{ kind: 'pixels', name: 'x', width: 1, height: 1, channels: 1, centre: 0, scale: 1 }],
    };
    await expect(
      readUnits(fromImages([{ x: new Blob(['']), y: '1' }]), dataSchemaSchema.parse(images)),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(readUnits(fromIndexedDb({ database: 'a', store: 'b' }), schema)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
  });
});
