import { describe, expect, it } from 'vitest';
import { normalDraws } from '../judging/normal-draws.ts';
import { createSeededRandom } from '../random/index.ts';
import { besideNoise } from './beside-noise.ts';
import { signedMeanFigure } from './signed-mean.ts';

describe('the mean of values of either sign', () => {
  it('covers the truth in 95 of 100 samples or more, with sampling and noise', () => {
    const normal = normalDraws(createSeededRandom('signed'));
    const chance = 0.3;
    for (const std of [0, 10]) {
      let covered = 0;
      for (let run = 0; run < 300; run++) {
        // -1 or 1, so that the largest possible variance is the true one.
        const words = new Uint32Array(200);
        createSeededRandom(`${run}`).words(words);
        const sum = words.reduce((total, word) => total + (word / 2 ** 32 < chance ? 1 : -1), 0) + std * normal();
        const figure = signedMeanFigure({
          sum,
          count: 200 + std * normal(),
          max: 1,
          sumNoiseStd: std,
          countNoiseStd: std,
        })!;
        covered += Number(figure.low <= 2 * chance - 1 && figure.high >= 2 * chance - 1);
      }
      expect(covered / 300).toBeGreaterThan(0.92);
      expect(covered / 300).toBeLessThan(0.99);
    }
  });

  it('is narrower where squares are known to be small, and nothing beside too much noise', () => {
    const noisy = { sum: 10, count: 100, max: 4, sumNoiseStd: 0, countNoiseStd: 0 };
    const [wide, narrow] = [signedMeanFigure(noisy)!, signedMeanFigure({ ...noisy, meanSquareMax: 0.5 })!];
    expect([wide.value, narrow.value]).toEqual([0.1, 0.1]);
    expect(narrow.high - narrow.value).toBeCloseTo((1.959963984540054 * Math.sqrt(0.49)) / 10, 9);
    expect(wide.high - wide.low).toBeGreaterThan(narrow.high - narrow.low);
    expect(signedMeanFigure({ ...noisy, countNoiseStd: 60 })).toBeNull();
    expect(() => signedMeanFigure({ ...noisy, sum: NaN })).toThrow('expected a finite sum');
    expect(() => signedMeanFigure({ ...noisy, sumNoiseStd: -1 })).toThrow('no negative');
  });

  it('is shown where it passes what noise alone shows, among as many as are looked at, or where that does not matter', () => {
    const figure = (value: number, noiseHalfWidth: number) => {
      return { value, low: value - 1, high: value + 1, noiseHalfWidth };
    };
    const alone = { among: 1, negligible: 0.01 };
    expect(besideNoise(figure(0.5, 0.4), alone).figure).not.toBeNull();
    expect(besideNoise(figure(-0.5, 0.4), alone).figure).not.toBeNull();
    expect(besideNoise(figure(0.001, 0.005), alone).figure).not.toBeNull();
    expect(besideNoise(figure(0.3, 0.4167), alone).withheld).toBe('drowned: noise alone reaches ±0.42');
    // Of 13 figures: 1 - 0.025 / 13 has the quantile 2.891.
    expect(besideNoise(figure(0.5, 0.4), { ...alone, among: 13 }).withheld).toBe(
      'drowned: among 13 figures noise alone reaches ±0.59',
    );
    expect(besideNoise(figure(0, 0.4), { ...alone, signal: 2 }).figure).not.toBeNull();
    expect(besideNoise(null, alone).withheld).toBe('too few units beside the noise');
  });
});
