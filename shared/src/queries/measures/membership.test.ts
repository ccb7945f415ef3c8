import { describe, expect, it } from 'vitest';
import { lossAttack } from '../../metrics/index.ts';
import { createSeededRandom, uniformBelow } from '../../random/index.ts';
import type { QueryContext } from '../query.ts';
import { measureSums } from './measures-query.ts';
import {
  concludeMembership,
  membership,
  membershipOfReleases,
  membershipSettings,
  type LossHistogram,
} from './membership.ts';

const settings = membershipSettings.parse({ kind: 'membership' });
const context = { outputs: 1, target: 'binary' } as QueryContext;

/** The release on rows whose true class (1) has the given probabilities, with noise of a deviation in each count. */
async function release(probabilities: readonly number[], noiseStd = 0, seed = 'noise'): Promise<LossHistogram> {
  const random = createSeededRandom(seed);
  const sums = new Float64Array(settings.bins);
  const batch = { targets: new Float32Array(probabilities.length).fill(1), rows: probabilities.length };
  const input = { context, batch, outputs: Float32Array.from(probabilities) } as never;
  await membership.contribute(input, settings, (_, vector) => {
    expect(Math.hypot(...vector)).toBe(1);
    vector.forEach((value, bin) => (sums[bin]! += value));
  });
  for (let bin = 0; bin < sums.length; bin++) sums[bin]! += noiseStd * normal(random);
  return concludeMembership(context, settings, measureSums(membership.layout(context, settings), sums, noiseStd));
}

/** Sum of twelve uniform draws, less six: variance one. */
function normal(random: ReturnType<typeof createSeededRandom>): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += uniformBelow(random, 1_000_000) / 1_000_000;
  return sum;
}

/** Rows with losses spread over the bins: `tilt` moves them to lower ones. */
function rows(count: number, tilt: number, seed: string): number[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => {
    const exponent = (uniformBelow(random, 1_000) / 1_000) * 7 - 6 - tilt;
    return Math.exp(-Math.exp(exponent));
  });
}

const named = (report: { figures: readonly { name: string; figure: unknown }[] }, name: string) =>
  report.figures.find((figure) => figure.name === name)!.figure as { value: number; low: number; high: number };

describe('measure membership', () => {
  it('puts each row in one bin, whatever its loss', async () => {
    const { histogram, edges, units } = await release([1, 0.9999, 0.9, 0.5, 0.02, 0]);
    expect(units).toBe(6);
    expect(edges).toHaveLength(settings.bins - 1);
    expect(edges[0]).toBeCloseTo(0.001, 15);
    expect(edges.at(-1)).toBeCloseTo(4, 12);
    // p = 1 and .9999 lie below .001; p = 0 has an infinite loss.
    expect(histogram[0]).toBe(2);
    expect(histogram.at(-1)).toBe(1);
  });

  it('counts a row whose loss is no number as none', async () => {
    const vectors: number[][] = [];
    const batch = { targets: Float32Array.of(1), rows: 1 };
    const input = { context, batch, outputs: Float32Array.of(NaN) } as never;
    await membership.contribute(input, settings, (_, vector) => vectors.push([...vector]));
    expect(vectors[0]?.some(Number.isNaN)).toBe(true);
  });

  it('gives the attack that the losses themselves give, up to the bins', async () => {
    const [members, others] = [rows(400, 1.5, 'members'), rows(400, 0, 'others')];
    const losses = (of: number[]) => of.map((p) => -Math.log(Math.fround(p)));
    const exact = lossAttack(losses(members), losses(others));
    const report = membershipOfReleases(await release(members), await release(others), { epsilon: 1, delta: 1e-5 });
    const auc = named(report, 'auc');
    expect(auc.low).toBeLessThanOrEqual(exact.auc);
    expect(auc.high).toBeGreaterThanOrEqual(exact.auc);
    expect(Math.abs(auc.value - exact.auc)).toBeLessThan(0.02);
    const advantage = named(report, 'advantage');
    expect(advantage.value).toBeLessThanOrEqual(exact.best.advantage + 1e-12);
    expect(advantage.value).toBeGreaterThan(exact.best.advantage - 0.08);
    expect(report.bound?.advantage).toBeCloseTo((Math.E - 1 + 2e-5) / (Math.E + 1), 12);
    expect(report.curve).toHaveLength(settings.bins - 1);
  });

  it('where nothing is to be told the interval holds one half and the advantage stays below its floor', async () => {
    let [covered, below] = [0, 0];
    for (let seed = 0; seed < 40; seed++) {
      const members = await release(rows(300, 0, `m${seed}`), 5, `a${seed}`);
      const others = await release(rows(300, 0, `o${seed}`), 5, `b${seed}`);
      const report = membershipOfReleases(members, others, null);
      const auc = named(report, 'auc');
      if (auc.low <= 0.5 && auc.high >= 0.5) covered += 1;
      const advantage = report.figures.find(({ name }) => name === 'advantage')!;
      if ((advantage.figure?.value ?? 0) <= (advantage.floor ?? 0)) below += 1;
      expect(report.bound).toBeNull();
    }
    expect(covered).toBeGreaterThanOrEqual(36);
    expect(below).toBeGreaterThanOrEqual(36);
  });

  it('withholds everything where rows are not told apart from none', async () => {
    const few = await release(rows(5, 0, 'few'), 20);
    const report = membershipOfReleases(few, few, null);
    expect(report.figures.map(({ figure }) => figure)).toEqual([null, null, null, null]);
    expect(report.figures[0]?.withheld).toMatch(/too few units/);
  });
});
