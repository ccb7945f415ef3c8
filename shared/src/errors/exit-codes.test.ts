import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exitCodeOf, exitCodes, SottoError, type ErrorCode } from './index.ts';

const rows = Object.values(exitCodes);

test('the page has the table, row by row', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/exit-codes.md'), 'utf8');
  const documented = [...page.matchAll(/^\|\s*(\d+)\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|$/gm)].map(
    ([, number, meaning, codes]) => [
      Number(number),
      meaning,
      [...codes!.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code),
    ],
  );
  expect(documented).toEqual(rows.map(({ number, meaning, codes }) => [number, meaning, [...codes]]));
});

test('a number has one meaning and a code one number', () => {
  expect(new Set(rows.map(({ number }) => number)).size).toBe(rows.length);
  const codes: ErrorCode[] = rows.flatMap((row) => [...row.codes]);
  expect(new Set(codes).size).toBe(codes.length);
});

test('an error gives the number of its code, and 1 where it has none', () => {
  expect(exitCodeOf(new SottoError('DISK_FULL', 'x'))).toBe(7);
  expect(exitCodeOf(new SottoError('INTERNAL', 'x'))).toBe(1);
  expect(exitCodeOf(new TypeError('x'))).toBe(1);
});
