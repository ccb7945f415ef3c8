import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import type { Plan } from '../plan/index.ts';
import { examplePlan } from '../plan/testing/index.ts';
import { auditBound } from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { auditPlan, type AuditOptions } from './audit-plan.ts';
import { auditSetup, resizeModel, type AuditSetup } from './audit-setup.ts';
import { correctGuesses, drawCanaries } from './guess-canaries.ts';
import { scoreCanaries } from './score-canaries.ts';

const crypto = createNodeCrypto();
const one = { rounds: 1, spareAttempts: 0, evaluateEvery: null, clients: 4, minSurvivors: 3 } as const;

function audit(plan: Plan, seed: string, options: Partial<AuditOptions> = {}) {
  return auditPlan(plan, {
    canaries: 2_000,
    guesses: 200,
    noiseDraws: 100_000,
    canaryRandom: createSeededRandom(`canaries/${seed}`),
    random: createSeededRandom(`devices/${seed}`),
    allowInsecureRandom: true,
    crypto,
    ...options,
  });
}

describe('the audit of a plan', () => {
  it('finds a sound joint DP-SGD plan consistent, and says all that it did', async () => {
    const plan = examplePlan({ ...one, rounds: 3, spareAttempts: 1, noise: { training: 2 } });
    const seen: string[] = [];
    const report = await audit(plan, 'record', { onProgress: (done, all) => seen.push(`${done}/${all}`) });
    expect(report).toMatchObject({
      version: 1,
      verdict: 'consistent',
      findings: [],
      canaries: 2_000,
      guesses: 200,
      significance: 0.05,
      delta: 1e-5,
      // Three rounds and a spare attempt: what the stated ε covers.
      releases: { run: 4, most: 4 },
      unit: 'record',
      query: 'gradient',
      samplingRate: 0.25,
      noiseMultiplier: 2,
      clients: { honest: 2, colluding: 1, lost: 1 },
      cohorts: 1,
      dimension: { plan: 14 },
      sums: 'secure',
      secureRandom: false,
      noise: { draws: 100_000, failed: [] },
    });
    expect(report.dimension.audited).toBeGreaterThanOrEqual(2_000);
    expect(report.epsilonAccounted).toBeLessThanOrEqual(report.epsilonStated);
    expect(report.epsilonLowerBound).toBeLessThan(report.epsilonAccounted);
    expect(report.ceiling).toBeGreaterThan(report.epsilonAccounted);
    expect(seen).toEqual(['1/4', '2/4', '3/4', '4/4']);
  });

  it('audits clients as units: one canary a client, in as many cohorts as that takes', async () => {
    const plan = examplePlan({ ...one, unit: 'client', noise: { training: 2 } });
    const report = await audit(plan, 'client', { canaries: 60, guesses: 50 });
    expect(report).toMatchObject({
      verdict: 'consistent',
      unit: 'client',
      query: 'update',
      samplingRate: 1,
      cohorts: 30,
      clients: { honest: 2, colluding: 1, lost: 1 },
      dimension: { plan: 14, audited: 14 },
    });
  });

  it('takes another model where a layer keeps its weights: canaries are coordinates of what leaves', () => {
    const layers: Plan['topology']['layers'] = [
      { kind: 'dense', units: 8, activation: 'tanh', trainable: false },
      { kind: 'dense', units: 10, activation: 'linear' },
    ];
    const plan = examplePlan({ ...one, data: 'digits', unit: 'client', overrides: { topology: { layers } } });
    const { topology } = resizeModel(plan, 60);
    expect(topology.layers.some((layer) => 'trainable' in layer && layer.trainable === false)).toBe(false);
    const whole = { ...plan, topology: { layers: layers.map((layer) => ({ ...layer, trainable: true })) } };
    expect(resizeModel(whole, 60)).toBe(whole);
  });

  it('audits trusted mode, where the coordinator adds the noise', async () => {
    const report = await audit(examplePlan({ ...one, trust: 'trusted', noise: { training: 2 } }), 'trusted');
    expect(report).toMatchObject({ verdict: 'consistent', clients: { honest: 3, colluding: 0, lost: 1 } });
  });

  it.each(['record', 'client'] as const)('finds a plan that states less than it leaks: unit %s', async (unit) => {
    const plan = examplePlan({ ...one, unit, noise: { training: 0.5 } });
    if (plan.privacy.kind === 'none') throw new Error('no noise');
    const boast: Plan = { ...plan, privacy: { ...plan.privacy, epsilon: 0.5 } };
    const report = await audit(boast, `boast/${unit}`, { crypto: null });
    expect(report).toMatchObject({ verdict: 'violation', sums: 'direct', epsilonStated: 0.5 });
    expect(report.findings.join()).toMatch(/^the attack proves ε ≥ \d[\d.]*, the plan states 0\.5$/);
    expect(report.epsilonLowerBound).toBeGreaterThan(0.5);
  });

  it('holds the bound of a shortened audit against the ε of so many releases', async () => {
    const plan = examplePlan({ ...one, rounds: 50, noise: { training: 4 } });
    const report = await audit(plan, 'short', { releasesLimit: 2 });
    expect(report).toMatchObject({ verdict: 'consistent', releases: { run: 2, most: 50 } });
    expect(report.epsilonAccounted).toBeLessThan(report.epsilonStated / 2);
  });

  it('puts a small model in the place of one that is much larger than the canaries need', async () => {
    const plan = examplePlan({ ...one, data: 'digits', hidden: 400, noise: { training: 2 } });
    const report = await audit(plan, 'large', { canaries: 200, guesses: 50 });
    expect(report).toMatchObject({ verdict: 'consistent', dimension: { plan: 30_010 } });
    expect(report.dimension.audited).toBeGreaterThanOrEqual(200);
    expect(report.dimension.audited).toBeLessThan(1_000);
    // And leaves alone one that has about the right size.
    const fits = examplePlan({ ...one, data: 'digits', hidden: 32, noise: { training: 2 } });
    expect(auditSetup(fits, 200)).toMatchObject({ planDimension: 2_410, part: { dimension: 2_410 } });
  });

  it('gives the same report for the same seeds, another for others', async () => {
    const plan = examplePlan({ ...one, noise: { training: 2 } });
    const [first, again, other] = await Promise.all(['seed', 'seed', 'other'].map((seed) => audit(plan, seed)));
    expect(again).toEqual(first);
    expect(other?.noise.std).not.toBe(first?.noise.std);
  });

  it('refuses what it cannot audit, before anything runs', async () => {
    const plan = examplePlan({ ...one, noise: { training: 2 } });
    await expect(audit(examplePlan({ ...one, privacy: 'none' }), 'none')).rejects.toMatchObject({ code: 'NO_NOISE' });
    await expect(audit(plan, 'few', { canaries: 49, guesses: 10 })).rejects.toThrow(/canaries 49.*at least 50/);
    await expect(audit(plan, 'many', { guesses: 2_001 })).rejects.toThrow(
      /guesses 2001.*no more guesses than canaries/,
    );
    await expect(audit(plan, 'limit', { releasesLimit: 0 })).rejects.toThrow(/releases limit 0/);
    await expect(audit(plan, 'csprng', { allowInsecureRandom: false })).rejects.toThrow(/CSPRNG/);
  });
});

describe('the attack', () => {
  const canaries = 4_000;
  const plan = examplePlan({
    ...one,
    noise: { training: 2.2 },
    overrides: {
      training: {
        query: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.5, expectedBatch: 100 },
        strategy: { kind: 'fedSgd', learningRate: 1 },
        rounds: 1,
        noiseMultiplier: 2.2,
      },
    },
  });
  const setup = auditSetup(plan, canaries);

  async function boundOf(mutated: AuditSetup, seed: string): Promise<number> {
    const present = drawCanaries(canaries, createSeededRandom(`canaries/${seed}`));
    const random = createSeededRandom(`devices/${seed}`);
    const scores = await scoreCanaries(mutated, present, {
      releases: 1,
      random,
      allowInsecureRandom: true,
      crypto: null,
    });
    const guesses = 400;
    const correct = correctGuesses(scores, present, guesses);
    return auditBound({ canaries, guesses, correct, delta: 1e-5, significance: 0.05 }).epsilonLowerBound;
  }

  it('sees about half of the ε of a correct mechanism, and never all of it', async () => {
    const bound = await boundOf(setup, 'correct');
    expect(bound).toBeGreaterThan(0.25 * setup.stated.epsilon);
    expect(bound).toBeLessThan(0.75 * setup.stated.epsilon);
  });

  it.each([
    ['no noise at all', { noiseVarianceSteps: 0 }],
    ['a quarter of the noise', { noiseVarianceSteps: setup.part.noiseVarianceSteps / 16 }],
    ['a clip at four times the norm', { normBoundSteps: 4 * setup.part.normBoundSteps }],
  ])('catches a door with %s', async (name, change) => {
    const broken = { ...setup, part: { ...setup.part, ...change } };
    expect(await boundOf(broken, name)).toBeGreaterThan(setup.stated.epsilon);
  });

  it('catches noise that colluders know, counted as if they did not', async () => {
    // Two of three survivors collude in an audit of noise that is shared out among all three.
    const { roles } = setup;
    const broken = {
      ...setup,
      roles: { ...roles, honest: 1, colluding: 2 },
      part: { ...setup.part, noiseVarianceSteps: setup.part.noiseVarianceSteps / 8 },
    };
    expect(await boundOf(broken, 'colluders')).toBeGreaterThan(setup.stated.epsilon);
  });
});

describe('guessing', () => {
  it('says in to the highest, out to the lowest, nothing to the middle', () => {
    const scores = Float64Array.from([5, -4, 3, -2, 1, 0]);
    expect(correctGuesses(scores, [true, false, true, false, false, true], 4)).toBe(4);
    expect(correctGuesses(scores, [false, true, true, false, false, true], 4)).toBe(2);
    // An odd number says in once more than out.
    expect(correctGuesses(scores, [true, false, true, true, true, true], 3)).toBe(3);
    expect(correctGuesses(scores, [true, true, true, true, true, true], 0)).toBe(0);
    expect(() => correctGuesses(scores, [true, true, true, true, true, true], 7)).toThrow(/guesses 7/);
  });

  it('tosses a fair coin for each canary', () => {
    const present = drawCanaries(100_000, createSeededRandom('coins'));
    const count = present.filter(Boolean).length;
    expect(Math.abs(count - 50_000)).toBeLessThan(650);
    const pairs = present.filter((coin, index) => coin === present[index + 1]).length;
    expect(Math.abs(pairs - 50_000)).toBeLessThan(650);
  });
});
