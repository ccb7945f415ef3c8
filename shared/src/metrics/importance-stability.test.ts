import { describe, expect, it } from 'vitest';
import { normalDraws } from '../judging/normal-draws.ts';
import { createSeededRandom } from '../random/index.ts';
import { importanceStability, type ReleasedImportance } from './importance-stability.ts';
import { z95 } from './interval.ts';

function release(round: number, values: readonly number[], std = 0): ReleasedImportance {
  const features = values.map((value, index) => ({ name: `c${index}`, value, noiseHalfWidth: z95 * std }));
  return { round, features };
}

describe('the stability of importances', () => {
  it('is the correlation of ranks and the overlap of the first, by hand', () => {
    const [pair] = importanceStability([release(1, [5, 4, 3, 2, 1]), release(2, [4, 5, 3, 1, 2])]);
    // Σ d² = 4 of 5 ranks: 1 - 6·4 / (5·24).
    expect(pair).toMatchObject({
      from: 1,
      to: 2,
      compared: 5,
      topOverlap: 1,
      top: 3,
      noiseFloor: 1,
      verdict: 'changed',
    });
    expect(pair!.rankCorrelation).toBeCloseTo(0.8, 12);
    const [turned] = importanceStability([release(1, [5, 4, 3, 2]), release(2, [2, 3, 4, 5])], 2);
    expect(turned).toMatchObject({ rankCorrelation: -1, topOverlap: 0 });
    const [tied] = importanceStability([release(1, [1, 1, 2]), release(2, [1, 1, 2])]);
    expect(tied).toMatchObject({ rankCorrelation: 1, verdict: 'unchanged' });
  });

  it('compares what both tell, by name, each with the one before it', () => {
    const later = release(5, [3, 2, 1, 9]);
    const fewer = { round: 9, features: later.features.slice(2) };
    expect(importanceStability([release(1, [3, 2, 1]), later, fewer])).toMatchObject([
      { compared: 3, rankCorrelation: 1 },
      null,
    ]);
    expect(importanceStability([later])).toEqual([]);
  });

  it('calls it a change seldom where noise alone moved the ranks, and mostly where they did change', () => {
    const truth = [1.4, 1.1, 1, 0.95, 0.8, 0.6, 0.5, 0.45, 0.4, 0.3, 0.25, 0.1, 0.03];
    const normal = normalDraws(createSeededRandom('stability'));
    const noisy = (round: number, values: readonly number[], std: number) =>
      release(
        round,
        values.map((value) => value + std * normal()),
        std,
      );
    const shareChanged = (after: readonly number[], std: number): number =>
      Array.from({ length: 60 }, () => importanceStability([noisy(1, truth, std), noisy(2, after, std)])[0]!).filter(
        ({ verdict }) => verdict === 'changed',
      ).length / 60;
    for (const std of [0.05, 0.1, 0.3]) expect(shareChanged(truth, std)).toBeLessThan(0.15);
    expect(shareChanged([...truth].reverse(), 0.1)).toBeGreaterThan(0.95);
  });
});
