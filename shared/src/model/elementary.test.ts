import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, log } from './elementary.ts';

describe('exp', () => {
  it('agrees with the platform to a relative 1e-15 over the normal range', () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 709.78, noNaN: true }), (x) => {
        expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-15);
      }),
      { numRuns: 5_000 },
    );
  });

  it('agrees near 0, where the argument is reduced, and to one step where results are subnormal', () => {
    for (let x = -2; x <= 2; x += 1 / 1_024) expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-15);
    for (let x = -745; x <= -708; x += 0.37) {
      expect(Math.abs(exp(x) - Math.exp(x))).toBeLessThanOrEqual(Number.MIN_VALUE + 1e-15 * Math.exp(x));
    }
  });

  it('has the limits of the function', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-0)).toBe(1);
    expect(exp(Infinity)).toBe(Infinity);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(710)).toBe(Infinity);
    expect(exp(-746)).toBe(0);
    expect(exp(NaN)).toBeNaN();
    expect(exp(5e-324)).toBe(1);
  });
});

describe('log', () => {
  it('agrees with the platform to a relative 1e-15 for every magnitude, subnormal ones included', () => {
    fc.assert(
      fc.property(fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true }), (x) => {
        const expected = Math.log(x);
        expect(Math.abs(log(x) - expected)).toBeLessThanOrEqual(1e-15 * Math.abs(expected));
      }),
      { numRuns: 5_000 },
    );
  });

  it('agrees around 1, where the result is small', () => {
    for (let x = 0.4; x < 2.5; x += 1 / 1_024) {
      expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(1e-15 * Math.abs(Math.log(x)));
    }
    expect(log(1 + 2 ** -52)).toBe(2 ** -52 - 2 ** -105);
  });

  it('has the limits of the function', () => {
    expect(log(1)).toBe(0);
    expect(log(0)).toBe(-Infinity);
    expect(log(-1)).toBeNaN();
    expect(log(NaN)).toBeNaN();
    expect(log(Infinity)).toBe(Infinity);
  });
});

it('exp and log give the stored bits', () => {
  const bits = (value: number): string => Buffer.from(Float64Array.of(value).buffer).toString('hex');
  expect([1, 0.1, -3.7, 100.25, -700.5].map((x) => bits(exp(x)))).toMatchInlineSnapshot(`
    [
      "6a57148b0abf0540",
      "d4005ab3c7aef13f",
      "441087c61f51993f",
      "c4ba34919bc3f848",
      "02ca685c47ffc400",
    ]
  `);
  expect([2, 0.1, 1e300, 1e-310, 1.4142135623730951].map((x) => bits(log(x)))).toMatchInlineSnapshot(`
    [
      "ef39fafe422ee63f",
      "1555b5bbb16b02c0",
      "b57ff84734968540",
      "08954d39694e86c0",
      "f039fafe422ed63f",
    ]
  `);
});
