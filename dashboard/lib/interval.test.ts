import fc from 'fast-check';
import { expect, test } from 'vitest';
import { intervalText, samplingInterval } from './interval.ts';

const figure = fc
  .record({
    value: fc.double({ min: 0, max: 1, noNaN: true }),
    below: fc.double({ min: 0, max: 0.4, noNaN: true }),
    above: fc.double({ min: 0, max: 0.4, noNaN: true }),
    noiseHalfWidth: fc.double({ min: 0, max: 0.5, noNaN: true }),
  })
  .map(({ value, below, above, noiseHalfWidth }) => ({
    value,
    low: value - below,
    high: value + above,
    noiseHalfWidth,
  }));

test('the sampling part lies inside the whole interval and holds the value', () => {
  fc.assert(
    fc.property(figure, (one) => {
      const part = samplingInterval(one);
      expect(part.low).toBeGreaterThanOrEqual(one.low - 1e-12);
      expect(part.high).toBeLessThanOrEqual(one.high + 1e-12);
      expect(part.low).toBeLessThanOrEqual(one.value);
      expect(part.high).toBeGreaterThanOrEqual(one.value);
    }),
  );
});

test('independent errors add in squares: 3 of sampling and 4 of noise are 5 in all', () => {
  const part = samplingInterval({ value: 0.5, low: 0.45, high: 0.55, noiseHalfWidth: 0.04 });
  expect(part.low).toBeCloseTo(0.47, 12);
  expect(part.high).toBeCloseTo(0.53, 12);
});

test('without noise both intervals are the same', () => {
  const one = { value: 0.7, low: 0.61, high: 0.78, noiseHalfWidth: 0 };
  expect(samplingInterval(one).low).toBeCloseTo(0.61, 12);
  expect(samplingInterval(one).high).toBeCloseTo(0.78, 12);
});

test('an even interval is ±, an uneven one its ends, none is exact', () => {
  expect(intervalText({ value: 0.788, low: 0.763, high: 0.813, noiseHalfWidth: 0 })).toBe('± 0.025');
  expect(intervalText({ value: 0.95, low: 0.9, high: 0.98, noiseHalfWidth: 0 })).toBe('0.900 to 0.980');
  expect(intervalText({ value: 0.5, low: 0.5, high: 0.5, noiseHalfWidth: 0 })).toBe('exact');
});
