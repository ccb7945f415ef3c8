import { isSottoError } from '@sotto/shared/errors';
import { describe, expect, it } from 'vitest';
import { numberedRows, type RowBeginning } from './numbered-rows.ts';
import { fromArrays, fromFile } from './web.ts';

const columns = [
  { name: 'age', holds: 'value' },
  { name: 'ill', holds: 'value' },
] as const;

async function read(text: string, known: RowBeginning | null = null) {
  let beginning: RowBeginning | null = null;
  const source = numberedRows(fromFile(new Blob([text])), known, (end) => (beginning = end));
  const rows: unknown[] = [];
  for await (const row of source.rows(columns)) rows.push(row);
  return { rows, beginning: beginning as RowBeginning | null };
}

const three = 'age,ill\n61,yes\n45,no\n38,no\n';

describe('numberedRows', () => {
  it('passes rows on, and takes a table that has grown at its end', async () => {
    const first = await read(three);
    expect(first.rows).toHaveLength(3);
    expect(first.beginning).toMatchObject({ rows: 3 });
    const again = await read(three, first.beginning);
    expect(again.beginning).toEqual(first.beginning);
    const grown = await read(`${three}29,yes\n`, first.beginning);
    expect(grown.beginning).toMatchObject({ rows: 4 });
  });

  it.each([
    ['a row taken out', 'age,ill\n61,yes\n38,no\n'],
    ['a row put in', 'age,ill\n50,no\n61,yes\n45,no\n38,no\n'],
    ['a row changed', 'age,ill\n61,yes\n45,yes\n38,no\n'],
    ['two cells that trade a character', 'age,ill\n61,yes\n4,5no\n38,no\n'],
    ['nothing left', 'age,ill\n'],
  ])('refuses %s', async (_, text) => {
    const { beginning } = await read(three);
    const failure: unknown = await read(text, beginning).catch((error: unknown) => error);
    expect(isSottoError(failure, 'DATA_INVALID')).toBe(true);
    expect(String(failure)).toContain('its first 3 rows');
  });

  it('knows images by their pixels', async () => {
    const image = (value: number) => ({ width: 1, height: 1, data: Uint8ClampedArray.of(value, value, value, 255) });
    const pixels = [{ name: 'image', holds: 'pixels' } as const];
    const chain = async (values: readonly number[], known: RowBeginning | null) => {
      let beginning: RowBeginning | null = null;
      const source = numberedRows(fromArrays({ image: values.map(image) }), known, (end) => (beginning = end));
      for await (const row of source.rows(pixels)) expect(row).toHaveLength(1);
      return beginning as RowBeginning | null;
    };
    const known = await chain([1, 2], null);
    expect(await chain([1, 2, 3], known)).toMatchObject({ rows: 3 });
    await expect(chain([1, 9], known)).rejects.toThrow(/not what they were/);
  });
});
