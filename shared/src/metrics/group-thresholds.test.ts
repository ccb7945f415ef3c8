import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../random/index.ts';
import { chanceOfPositive, groupThresholds, thresholdCriteria, type GroupScores } from './group-thresholds.ts';

/** Scores of two groups, one of them told apart less well. */
function scoresOf(seed: string, bins: number, groups = 2): readonly GroupScores[] {
  const random = createSeededRandom(seed);
  const below = (n: number) => new DataView(random.bytes(4).buffer).getUint32(0) % n;
  return Array.from({ length: groups }, (_, index) => {
    const [positives, negatives] = [new Float64Array(bins), new Float64Array(bins)];
    for (let i = 0; i < 300 + 200 * index; i++) {
      const score = Math.floor((below(bins) + below(bins)) / 2);
      const isPositive = below(bins) < score * (index === 0 ? 1.2 : 0.6);
      (isPositive ? positives : negatives)[score]! += 1;
    }
    return { group: `group ${index}`, positives, negatives };
  });
}

/** What a group's rule gives of its rows, counted row by row. */
function ratesOf({ positives, negatives }: GroupScores, chanceOf: (score: number) => number) {
  const bins = positives.length;
  const count = (rows: ArrayLike<number>) =>
    Array.from(rows).reduce((sum, n, bin) => sum + n * chanceOf((bin + 0.5) / bins), 0);
  const total = (rows: ArrayLike<number>) => Array.from(rows).reduce((sum, n) => sum + n, 0);
  const [tp, fp, p, n] = [count(positives), count(negatives), total(positives), total(negatives)];
  return { tpr: tp / p, fpr: fp / n, selected: (tp + fp) / (p + n), right: tp + n - fp, rows: p + n };
}

describe.each(thresholdCriteria)('thresholds for %s', (criterion) => {
  it('make equal what they shall, and give what they say', () => {
    for (const groups of [2, 3]) {
      const scores = scoresOf(`equal ${groups}`, 16, groups);
      const found = groupThresholds(scores, criterion);
      const rates = scores.map((one, i) => ratesOf(one, (score) => chanceOfPositive(found.groups[i]!, score)));
      const gap = (of: (one: (typeof rates)[number]) => number) =>
        Math.max(...rates.map(of)) - Math.min(...rates.map(of));
      expect(found.expected.equalOpportunity).toBeCloseTo(
        gap(({ tpr }) => tpr),
        12,
      );
      expect(found.expected.demographicParity).toBeCloseTo(
        gap(({ selected }) => selected),
        12,
      );
      expect(found.expected.equalizedOdds).toBeCloseTo(
        Math.max(
          gap(({ tpr }) => tpr),
          gap(({ fpr }) => fpr),
        ),
        12,
      );
      const right = rates.reduce((sum, one) => sum + one.right, 0) / rates.reduce((sum, one) => sum + one.rows, 0);
      expect(found.expected.accuracy).toBeCloseTo(right, 12);
      expect(found.expected[criterion]).toBeLessThan(1e-9);
    }
  });

  it('are as accurate as any that a search among mixtures of two thresholds finds', () => {
    const scores = scoresOf('search', 6);
    const found = groupThresholds(scores, criterion);
    // Every mixture, in steps, of two thresholds of each group; any pair of rules that meets the criterion to 1 %.
    const rules = scores.map((one) => {
      const mixtures: ReturnType<typeof ratesOf>[] = [];
      for (let a = 0; a <= 6; a++) {
        for (let b = a; b <= 6; b++) {
          for (let chance = 0; chance <= 1; chance += 0.05) {
            mixtures.push(ratesOf(one, (score) => (score >= a / 6 ? chance : 0) + (score >= b / 6 ? 1 - chance : 0)));
          }
        }
      }
      return mixtures;
    });
    let most = 0;
    for (const one of rules[0]!) {
      for (const other of rules[1]!) {
        const unequal = {
          equalizedOdds: Math.max(Math.abs(one.tpr - other.tpr), Math.abs(one.fpr - other.fpr)),
          equalOpportunity: Math.abs(one.tpr - other.tpr),
          demographicParity: Math.abs(one.selected - other.selected),
        }[criterion];
        if (unequal <= 0.01) most = Math.max(most, (one.right + other.right) / (one.rows + other.rows));
      }
    }
    expect(most).toBeGreaterThan(0.5);
    // The search is allowed one percent of a gap, which may buy it some accuracy, and it moves in steps.
    expect(found.expected.accuracy).toBeGreaterThan(most - 0.01);
    expect(found.expected.accuracy).toBeLessThan(most + 0.02);
  });
});

describe('thresholds', () => {
  it('of one group more like the other are the accuracy’s own, where nothing has to be given up', () => {
    const [one] = scoresOf('same', 10);
    const found = groupThresholds([one!, { ...one!, group: 'twin' }], 'equalizedOdds');
    const best = Math.max(
      ...Array.from(
        { length: 11 },
        (_, k) => ratesOf(one!, (score) => Number(score >= k / 10)).right / ratesOf(one!, () => 0).rows,
      ),
    );
    expect(found.expected.accuracy).toBeCloseTo(best, 2);
    expect(found.groups[0]!.thresholds).toEqual(found.groups[1]!.thresholds);
  });

  it('bear counts below 0, which noise makes', () => {
    const scores = scoresOf('noisy', 12).map((one) => ({
      ...one,
      positives: Array.from(one.positives, (count, i) => count + (i % 2 === 0 ? 4 : -4)),
    }));
    for (const criterion of thresholdCriteria) {
      const { groups, expected } = groupThresholds(scores, criterion);
      expect(expected[criterion]).toBeLessThan(1e-9);
      for (const { thresholds } of groups) {
        expect(thresholds.every(({ chance }) => chance > 0)).toBe(true);
        expect(thresholds.reduce((sum, { chance }) => sum + chance, 0)).toBeLessThanOrEqual(1 + 1e-12);
      }
    }
  });

  it('are refused of one group, of other bins, of a group with one class', () => {
    const [one, other] = scoresOf('refused', 8);
    expect(() => groupThresholds([one!], 'equalizedOdds')).toThrow(
      'expected two groups or more of as many bins, got 1',
    );
    expect(() => groupThresholds([one!, scoresOf('x', 9)[0]!], 'equalizedOdds')).toThrow('as many bins');
    expect(() => groupThresholds([one!, { ...other!, positives: new Float64Array(8) }], 'demographicParity')).toThrow(
      'the group group 1 has no positive, or no negative rows',
    );
  });
});
