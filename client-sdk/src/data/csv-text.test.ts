import { isSottoError } from '@sotto/shared/errors';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCsvCutter } from './csv-text.ts';

/** Records of a text that comes in pieces of these lengths. */
function cut(text: string, lengths: readonly number[] = []): string[][] {
  const cutter = createCsvCutter();
  const records: string[][] = [];
  let rest = text;
  for (const length of lengths) {
    records.push(...cutter.push(rest.slice(0, length)));
    rest = rest.slice(length);
  }
  records.push(...cutter.push(rest), ...cutter.end());
  return records;
}

const fault = (text: string): unknown => {
  try {
    return cut(text);
  } catch (error) {
    return error;
  }
};

describe('createCsvCutter', () => {
  it('reads what another implementation reads, however the text is cut into pieces', () => {
    const plain = fc.constantFrom('', 'a', ' b ', '1.5', 'ä\u{1f600}', 'x y', '-');
    const quoted = fc
      .array(fc.constantFrom('a', ' ', '""', ',', '\n', '\r\n', 'é'), { maxLength: 5 })
      .map((parts) => `"${parts.join('')}"`);
    const cell = fc.oneof(
      plain,
      quoted,
      quoted.map((text) => ` ${text} `),
    );
    const line = fc.array(cell, { minLength: 1, maxLength: 4 }).map((cells) => cells.join(','));
    const text = fc
      .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { maxLength: 8 }), fc.option(line), fc.boolean())
      .map(([lines, last, mark]) => (mark ? '\ufeff' : '') + lines.flat().join('') + (last ?? ''));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 }), (given, lengths) => {
        const expected: unknown = parse(given, {
          bom: true,
          trim: true,
          skip_empty_lines: true,
          relax_column_count: true,
          record_delimiter: ['\r\n', '\n'],
        });
        // A line of nothing but white space is no record here; there it is one of an empty cell.
        const empty = (record: unknown): boolean => JSON.stringify(record) === '[""]';
        expect(cut(given, lengths).filter((record) => !empty(record))).toEqual(
          (expected as unknown[]).filter((record) => !empty(record)),
        );
      }),
      { numRuns: 400 },
    );
  });

  it('ends lines with LF, CR LF and CR, also between two pieces', () => {
    expect(cut('a,b\rc,d\r\ne,f\ng,h', [4, 4, 1])).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
      ['g', 'h'],
    ]);
    expect(cut('a\r\nb', [2])).toEqual([['a'], ['b']]);
  });

  it('refuses broken quotes by their line and repeats no cell', () => {
    for (const [text, line] of [
      ['a\n"secret', 2],
      ['a\nb"secret"', 2],
      ['"a\nb"\n"c"secret', 3],
    ] as const) {
      const failure = fault(text);
      expect(isSottoError(failure, 'DATA_INVALID')).toBe(true);
      expect(String(failure)).toContain(`line ${line}`);
      expect(String(failure)).not.toContain('secret');
    }
  });

  it('gives up on a cell that never ends', () => {
    const cutter = createCsvCutter();
    cutter.push('a\n"');
    const piece = 'x'.repeat(1_000_000);
    expect(() => {
      for (let index = 0; index < 6; index++) cutter.push(piece);
    }).toThrow('4 million');
    expect(String(fault(`${'x,'.repeat(3_000_000)}`))).toContain('4 million');
  });
});
