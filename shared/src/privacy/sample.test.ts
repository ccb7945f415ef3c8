import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeededRandom, type RandomSource } from '../random/index.ts';
import { drawSample } from './sample.ts';

const simulation = { allowInsecureRandom: true };

/** Hands out the given words in turn and counts them; says of itself that it is secure. */
function scripted(words: readonly number[]): RandomSource & { used(): number } {
  let used = 0;
  return {
    secure: true,
    used: () => used,
    bytes: (length) => new Uint8Array(length),
    words(target) {
      for (let index = 0; index < target.length; index += 1) target[index] = words[used++ % words.length] ?? 0;
    },
  };
}

describe('drawSample', () => {
  it('takes a unit exactly when its word is below the numerator', () => {
    const words = [0, 99, 100, 101, 0xffff_ffff, 5];
    expect(drawSample(6, 100, scripted(words))).toEqual([0, 1, 5]);
    expect(drawSample(6, 1, scripted(words))).toEqual([0]);
    expect(drawSample(6, 2 ** 32 - 1, scripted(words))).toEqual([0, 1, 2, 3, 5]);
    expect(drawSample(6, 2 ** 32, scripted(words))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('uses one word a unit, whatever falls', () => {
    for (const numerator of [1, 2 ** 31, 2 ** 32]) {
      const random = scripted([7, 0xffff_fff0]);
      drawSample(1_000, numerator, random);
      expect(random.used()).toBe(1_000);
    }
  });

  it('draws ascending distinct units within range', () => {
    fc.assert(
      fc.property(fc.nat(40_000), fc.integer({ min: 1, max: 2 ** 32 }), fc.string(), (units, numerator, seed) => {
        const sample = drawSample(units, numerator, createSeededRandom(seed), simulation);
        expect(sample.every((unit, index) => unit > (sample[index - 1] ?? -1) && unit < units)).toBe(true);
      }),
      { seed: 4, numRuns: 40 },
    );
  });

  it('draws each unit at its rate and independently of its neighbour', () => {
    const random = createSeededRandom('coin');
    const rate = 0.3;
    const numerator = Math.round(rate * 2 ** 32);
    const units = 400_000;
    const sample = drawSample(units, numerator, random, simulation);
    const std = Math.sqrt(units * rate * (1 - rate));
    expect(Math.abs(sample.length - units * rate)).toBeLessThan(4 * std);
    const pairs = sample.filter((unit, index) => sample[index + 1] === unit + 1).length;
    expect(Math.abs(pairs - units * rate ** 2)).toBeLessThan(5 * Math.sqrt(units * rate ** 2));
  });

  it('draws nothing from no units', () => {
    expect(drawSample(0, 2 ** 32, scripted([1]))).toEqual([]);
  });

  it('refuses an insecure source, and numbers out of range by name', () => {
    expect(() => drawSample(3, 1, createSeededRandom('x'))).toThrow(/CSPRNG/);
    for (const numerator of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
      expect(() => drawSample(3, numerator, scripted([1]))).toThrow(/samplingNumerator/);
    }
    for (const units of [-1, 0.5, Number.NaN]) expect(() => drawSample(units, 1, scripted([1]))).toThrow(/units/);
  });
});
