import { isSottoError } from '@sotto/shared/errors';
import { createSeededRandom } from '@sotto/shared/random';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePartition, sharesByColumn, sharesByLabel, sharesIid, type Shares } from './partition.ts';

const labelsOf = (units: number, classes: number): string[] =>
  Array.from({ length: units }, (_, unit) => String((unit * 7) % classes));

function holdsEachOnce(shares: Shares, units: number): void {
  expect(shares.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: units }, (_, unit) => unit));
}

/** Mean over clients of how far the client's labels are from everybody's, in total variation [0, 1]. */
function skew(shares: Shares, labels: readonly string[]): number {
  const classes = [...new Set(labels)];
  const frequency = (units: readonly number[]): number[] =>
    classes.map((one) => units.filter((unit) => labels[unit] === one).length / units.length);
  const whole = frequency(labels.map((_, unit) => unit));
  const held = shares.filter((units) => units.length > 0);
  const distances = held.map((units) => {
    const own = frequency(units);
    return whole.reduce((sum, share, index) => sum + Math.abs(share - (own[index] ?? 0)), 0) / 2;
  });
  return distances.reduce((sum, distance) => sum + distance, 0) / held.length;
}

describe('a partition', () => {
  it('gives every unit to one client, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0.001, max: 1_000, noNaN: true }),
        fc.string(),
        (units, clients, classes, alpha, seed) => {
          const random = createSeededRandom(seed);
          const even = sharesIid(units, clients, random);
          holdsEachOnce(even, units);
          expect(even).toHaveLength(clients);
          const sizes = even.map((share) => share.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          const skewed = sharesByLabel(labelsOf(units, classes), clients, alpha, random);
          holdsEachOnce(skewed, units);
          expect(skewed).toHaveLength(clients);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is the same for the same seed, and another for another', () => {
    const labels = labelsOf(200, 5);
    const of = (seed: string): Shares => sharesByLabel(labels, 7, 0.3, createSeededRandom(seed));
    expect(of('a')).toEqual(of('a'));
    expect(of('a')).not.toEqual(of('b'));
  });

  it('does not go by the order of the table', () => {
    const one = Array.from({ length: 400 }, () => 'one');
    for (const shares of [
      sharesIid(400, 2, createSeededRandom('order')),
      sharesByLabel(one, 2, 1_000, createSeededRandom('order')),
    ]) {
      const [first = []] = shares;
      const early = first.filter((unit) => unit < 200).length / first.length;
      // Half of them, within six standard deviations of a fair draw.
      expect(Math.abs(early - 0.5)).toBeLessThan(0.15);
    }
  });

  it('by Dirichlet is the more skewed the smaller α is', () => {
    const labels = labelsOf(4_000, 10);
    const skews = [0.01, 0.3, 3, 1_000].map((alpha) =>
      skew(sharesByLabel(labels, 10, alpha, createSeededRandom('skew')), labels),
    );
    expect(skews).toEqual(skews.toSorted((a, b) => b - a));
    expect(skews[0]).toBeGreaterThan(0.7);
    expect(skews[3]).toBeLessThan(0.05);
  });

  it('by Dirichlet has the distribution’s mean and variance', () => {
    // A symmetric Dirichlet share has mean 1/n and variance (n − 1) / (n² (nα + 1)).
    const [n, alpha, units, draws] = [4, 0.5, 1_000, 3_000];
    const random = createSeededRandom('moments');
    const labels = Array.from({ length: units }, () => 'one');
    const shares = Array.from(
      { length: draws },
      () => (sharesByLabel(labels, n, alpha, random)[0] ?? []).length / units,
    );
    const mean = shares.reduce((sum, share) => sum + share, 0) / draws;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / draws;
    const expected = (n - 1) / (n * n * (n * alpha + 1));
    // Six standard errors of the mean; the variance within a tenth.
    expect(Math.abs(mean - 1 / n)).toBeLessThan(6 * Math.sqrt(expected / draws));
    expect(Math.abs(variance / expected - 1)).toBeLessThan(0.1);
  });

  it('by column makes every value a client', () => {
    expect([...sharesByColumn(['b', 'a', 'b', 'c', 'a'])]).toEqual([
      ['a', [1, 4]],
      ['b', [0, 2]],
      ['c', [3]],
    ]);
  });

  it('is read from one word, and what is not understood is named', () => {
    expect(parsePartition('iid')).toEqual({ kind: 'iid' });
    expect(parsePartition('dirichlet:0.3')).toEqual({ kind: 'dirichlet', alpha: 0.3 });
    expect(parsePartition('column:a:b')).toEqual({ kind: 'column', column: 'a:b' });
    for (const text of [
      '',
      'iid:3',
      'dirichlet',
      'dirichlet:',
      'dirichlet:0',
      'dirichlet:-1',
      'dirichlet:x',
      'column:',
    ]) {
      let failure: unknown = null;
      try {
        parsePartition(text);
      } catch (error) {
        failure = error;
      }
      expect(isSottoError(failure, 'INVALID_INPUT'), text).toBe(true);
    }
  });
});
