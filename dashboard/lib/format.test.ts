import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatDelta, formatDuration, formatEpsilon, formatRate, plural } from './format.ts';

test.each([
  [0, '0.00 s'],
  [0.214, '0.21 s'],
  [1.94, '1.9 s'],
  [9.96, '10 s'],
  [59.6, '1 min'],
  [74, '1 min 14 s'],
  [3599.7, '1 h'],
  [7500, '2 h 5 min'],
  [200_000, '2 d 8 h'],
])('%d seconds read as %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [999.6, '1.00 kB'],
  [213_000, '213 kB'],
  [999_700, '1.00 MB'],
  [13_020_000, '13.0 MB'],
  [2.5e12, '2.50 TB'],
])('%d bytes read as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test('a rate has three decimals, a leading zero and a true minus sign', () => {
  expect(formatRate(0.7884)).toBe('0.788');
  expect(formatRate(-0.05)).toBe('−0.050');
});

test('ε has two decimals, never reads as nothing spent when something is, and ∞ is ∞', () => {
  expect(formatEpsilon(0.789)).toBe('0.79');
  expect(formatEpsilon(0)).toBe('0.00');
  expect(formatEpsilon(0.0042)).toBe('0.0042');
  expect(formatEpsilon(Number.POSITIVE_INFINITY)).toBe('∞');
  fc.assert(fc.property(fc.double({ min: 1e-9, max: 100, noNaN: true }), (value) => Number(formatEpsilon(value)) > 0));
});

test('δ is written as in the plan', () => expect(formatDelta(0.00001)).toBe('1e-5'));

test('counts are grouped and agree with their noun', () => {
  expect(formatCount(12_345.6)).toBe('12,346');
  expect(plural(1, 'client')).toBe('1 client');
  expect(plural(2, 'client')).toBe('2 clients');
});

test('no length of time ever reads as 60 of the smaller unit', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 86_000, noNaN: true }), (seconds) => !/\b60\b/.test(formatDuration(seconds))),
  );
});
