import { describe, expect, it } from 'vitest';
import { graphCorruptOneIn, graphParametersFor } from './graph-parameters.ts';
import { searchGraph, spreadNeeded, tailsAbove, thresholdsAllowed, type GraphTerms } from './graph-search.ts';
import { cohortMaxClients, completeGraphMaxClients } from './index.ts';

function terms(corrupt: number, dropout: number, rule: GraphTerms['rule'], secrecyBits = 40): GraphTerms {
  return { corrupt, dropout, secrecyBits, recoveryBits: 30, rule };
}

const sizes = [20, 50, 100, 200, 1_000, 10_000, 100_000];
const ours = terms(0.1, 0.1, 'malicious');

describe('the search for k and t', () => {
  // The table of the reference page, by (γ, δ): k, and t or its range.
  it('gives the published degrees against a coordinator that only looks', () => {
    const degrees = (corrupt: number, dropout: number) =>
      sizes.map((n) => searchGraph(n, terms(corrupt, dropout, 'semi-honest'))?.k);
    expect(degrees(0.05, 0.05)).toEqual([19, 28, 30, 30, 34, 38, 40]);
    expect(degrees(0.1, 0.1)).toEqual([19, 40, 42, 42, 52, 60, 64]);
    expect(degrees(0.2, 0.1)).toEqual([19, 49, 54, 56, 74, 90, 94]);
    const strong = [1_000, 10_000, 100_000].map((n) => searchGraph(n, terms(0.1, 0.1, 'semi-honest', 64))?.k);
    expect(strong).toEqual([64, 74, 80]);
  });

  const thresholds: [number, number, ...[n: number, k: number, least: number, most: number][]][] = [
    [0.05, 0.05, [100, 30, 6, 25], [200, 30, 11, 20], [1_000, 34, 18, 19], [10_000, 38, 21, 21], [100_000, 40, 22, 22]],
    [0.1, 0.1, [100, 42, 11, 32], [200, 42, 20, 25], [1_000, 52, 28, 28], [10_000, 60, 32, 32], [100_000, 64, 34, 34]],
    [0.2, 0.1, [100, 54, 21, 44], [200, 56, 33, 37], [1_000, 74, 45, 45], [10_000, 90, 54, 55], [100_000, 94, 57, 57]],
  ];
  it.each(thresholds)('gives the published thresholds for γ = %d, δ = %d', (corrupt, dropout, ...rows) => {
    for (const [n, k, least, most] of rows) {
      expect(thresholdsAllowed(n, k, terms(corrupt, dropout, 'semi-honest'))).toEqual({ least, most });
      const fewer = thresholdsAllowed(n, k - 2, terms(corrupt, dropout, 'semi-honest'));
      expect(fewer.least).toBeGreaterThan(fewer.most);
    }
  });

  it('gives the published k and t against a coordinator that lies', () => {
    const found = (fraction: number) =>
      sizes.map((n) => Object.values(searchGraph(n, terms(fraction, fraction, 'malicious')) ?? {}));
    expect(found(0.05)).toEqual([
      [19, 11],
      [28, 16],
      [30, 18],
      [32, 22],
      [60, 41],
      [74, 51],
      [80, 55],
    ]);
    expect(found(0.1)).toEqual([
      [19, 11],
      [40, 23],
      [42, 27],
      [60, 41],
      [114, 78],
      [144, 98],
      [156, 106],
    ]);
    expect(found(0.2)).toEqual([
      [19, 12],
      [49, 30],
      [72, 47],
      [122, 82],
      [340, 229],
      [562, 378],
      [644, 433],
    ]);
  });

  it('counts tails that can be counted by hand', () => {
    // Two marked of five, two drawn: of ten draws three have none, six one, one both.
    const tails = tailsAbove(5, 2, 2);
    [1, 0.7, 0.1, 0].forEach((expected, x) => expect(tails[x]).toBeCloseTo(expected, 14));
    // Vandermonde, far out in the tail: P[X = 40 of 40] = 40!·60!/100! for 40 marked of 100.
    let all = 1;
    for (let i = 0; i < 40; i++) all *= (40 - i) / (100 - i);
    expect(tailsAbove(100, 40, 40)[40]! / all).toBeCloseTo(1, 10);
  });
});

describe('the table', () => {
  it('keeps every rule for every number of clients', () => {
    for (let n = completeGraphMaxClients + 1; n <= cohortMaxClients; n++) {
      const { neighbours, threshold, spread } = graphParametersFor(n);
      const { least, most } = thresholdsAllowed(n, neighbours, ours);
      expect(neighbours % 2, `${n} clients`).toBe(0);
      expect(neighbours, `${n} clients`).toBeLessThan(n);
      expect(threshold, `${n} clients`).toBeGreaterThanOrEqual(least);
      expect(threshold, `${n} clients`).toBeLessThanOrEqual(most);
      expect(spread, `${n} clients`).toBeGreaterThanOrEqual(spreadNeeded(n, neighbours, ours));
      // Clients that drop out at random do not leave a stretch with fewer.
      const lost = Math.floor(n / graphCorruptOneIn);
      expect(n * tailsAbove(n, lost, neighbours / 2)[neighbours / 2 - spread + 1]!).toBeLessThan(2 ** -30);
    }
  });

  it('is the smallest graph for the largest number of clients that a line stands for', () => {
    for (const n of [250, 300, 400, 500, 600, 700, 800, 900, 1_000]) {
      const { neighbours, threshold, spread } = graphParametersFor(n);
      expect({ k: neighbours, t: threshold }).toEqual(searchGraph(n, ours));
      expect(spread).toBe(spreadNeeded(n, neighbours, ours));
    }
    expect(graphParametersFor(1_000)).toEqual({ neighbours: 114, threshold: 78, spread: 23 });
  });
});
