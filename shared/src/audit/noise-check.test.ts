import { describe, expect, it } from 'vitest';
import type { Plan } from '../plan/index.ts';
import { examplePlan, type ExamplePlanOptions } from '../plan/testing/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { auditSetup, resizeModel, type AuditSetup } from './audit-setup.ts';
import { checkNoise } from './noise-check.ts';
import { auditNoise, noiseThroughDoor } from './noise-through-door.ts';

/*
 * Noise as a distribution, through the door itself: `contributeSession` without a unit, the honest clients' shares added up,
 * a million draws, fixed seeds. A right sampler passes each limit about once in 10,000 seeds; these are not among them.
 */
const draws = 1_000_000;
const simulation = { allowInsecureRandom: true };

/** z that gives each of the honest clients a share of so many steps. */
function setupOf(shareSteps: number, options: ExamplePlanOptions = {}): AuditSetup {
  const wide = (plan: Plan) => auditSetup(resizeModel({ ...plan, evaluation: null }, 4_096), 50);
  // The plan's own model is the wide one: in a small model so narrow a share would be none.
  const { topology } = resizeModel(examplePlan(options), 4_096);
  const ofWide = { ...options, overrides: { topology } };
  const probe = wide(examplePlan(ofWide));
  const shares = probe.plan.trust === 'secure' ? probe.roles.honest : 1;
  const training = (shareSteps * Math.sqrt(shares)) / probe.part.normBoundSteps;
  return wide(examplePlan({ ...ofWide, noise: { training, evaluation: 16 } }));
}

/** What clients would do that were told a wrong share. */
function withShare(setup: AuditSetup, factor: number): AuditSetup {
  const { part, coordinatorVariance } = setup;
  return {
    ...setup,
    part: { ...part, noiseVarianceSteps: part.noiseVarianceSteps * factor ** 2 },
    coordinatorVariance: coordinatorVariance * factor ** 2,
  };
}

describe('noise through the door', () => {
  it.each([
    ['one table, narrow, two shares', 4.7, { clients: 3 }],
    ['one table, five shares', 83.7, { clients: 8, minSurvivors: 7, colluding: 2 }],
    ['one table, widest', 511, { clients: 3 }],
    ['two levels, two shares', 613.7, { clients: 3 }],
    ['two levels, four shares', 20_011.3, { clients: 10, minSurvivors: 7, colluding: 3 }],
    ['four levels', 7.7e6, { clients: 3 }],
    ['the coordinator’s, trusted mode', 613.7, { trust: 'trusted' }],
    ['of clients that train by update', 613.7, { unit: 'client' }],
  ] as const)('is discrete Gaussian with exactly z·D: %s', async (name, shareSteps, options) => {
    const setup = setupOf(shareSteps, options);
    const check = await auditNoise(setup, draws, createSeededRandom(`noise/${name}`), simulation);
    expect(check.failed, JSON.stringify(check.statistics)).toEqual([]);
    expect(check.draws).toBe(draws);
    expect(Math.abs(check.stdError)).toBeLessThan(0.003);
  });

  it.each([
    ['one table', 83.7],
    ['two levels', 20_011.3],
  ])('shows a shortage of 1 %% in the standard deviation: %s', async (name, shareSteps) => {
    const setup = withShare(setupOf(shareSteps), 0.99);
    const check = await auditNoise(setup, draws, createSeededRandom(`short/${name}`), simulation);
    expect(check.failed).toContain('standard deviation');
    const statistic = check.statistics.find((one) => one.name === 'standard deviation');
    // 14 standard errors are expected.
    expect(statistic?.value).toBeLessThan(-10);
    expect(Math.abs(check.stdError + 0.01)).toBeLessThan(0.003);
  });

  it('shows a share that is divided among one client too many', async () => {
    // minSurvivors − colluding = 5 shares, planned as if nobody colluded: √(5/7) of the noise.
    const setup = withShare(setupOf(83.7, { clients: 8, minSurvivors: 7, colluding: 2 }), Math.sqrt(5 / 7));
    const check = await auditNoise(setup, 100_000, createSeededRandom('too many'), simulation);
    expect(check.failed).toContain('standard deviation');
    expect(check.failed).toContain('Kolmogorov-Smirnov');
  });

  it('is fresh in every session, coordinate and client', async () => {
    const setup = setupOf(83.7);
    const noise = await noiseThroughDoor(setup, draws, createSeededRandom('fresh'), simulation);
    const variance = 2 * 83.7 ** 2;
    for (const lag of [1, 2, setup.part.dimension]) {
      let product = 0;
      for (let index = lag; index < draws; index += 1) product += noise[index]! * noise[index - lag]!;
      expect(Math.abs(product / variance / Math.sqrt(draws - lag)), `lag ${lag}`).toBeLessThan(4);
    }
  });
});

describe('checkNoise', () => {
  const good = async () => noiseThroughDoor(setupOf(83.7), draws, createSeededRandom('shapes'), simulation);
  const variance = 2 * 83.7 ** 2;

  it('passes the right noise, and finds a lattice, a shifted mean, cut tails and a wrong shape', async () => {
    const noise = await good();
    const failed = (change: (value: number, index: number) => number) => checkNoise(noise.map(change), variance).failed;
    expect(failed((value) => value)).toEqual([]);
    expect(failed((value) => value + 1)).toEqual(expect.arrayContaining(['mean']));
    expect(failed((value) => 8 * Math.round(value / 8))).toEqual(expect.arrayContaining(['chi-square']));
    expect(failed((value) => Math.max(-250, Math.min(250, value)))).toEqual(expect.arrayContaining(['chi-square']));
    // Right mean and variance, but a two-sided coin of noise.
    const std = Math.round(Math.sqrt(variance));
    expect(failed((value) => (value > 0 ? std : -std))).toEqual(
      expect.arrayContaining(['chi-square', 'Kolmogorov-Smirnov']),
    );
  });

  it('refuses too few draws and a variance that is none', () => {
    expect(() => checkNoise(new Int32Array(9_999), 100)).toThrow(/9999 draws/);
    for (const bad of [0, 0.5, Number.NaN, Infinity]) {
      expect(() => checkNoise(new Int32Array(10_000), bad)).toThrow(/variance/);
    }
  });
});
