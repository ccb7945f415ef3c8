import { measuresOfRun, replayRun } from '@sotto/coordinator/runs';
import { accountedEpsilon, checkPlan, completePlan, planEpsilons, type Plan, type PlanInput } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import type { PerformanceFigures } from '@sotto/shared/queries';
import { describe, expect, it } from 'vitest';
import { noFaults, type FaultRates } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

const performance = { kind: 'performance', bins: 4 } as const;

const asked = {
  split: { validation: 0.2, test: 0.2 },
  survey: { measures: [performance], noiseMultiplier: 16 },
  evaluation: {
    every: 2,
    part: 'validation',
    detail: 'accuracy',
    lossMax: 4,
    noiseMultiplier: 16,
    fit: { noiseMultiplier: 16 },
  },
  report: {
    measures: [performance],
    every: 2,
    noiseMultiplier: 16,
    train: { measures: [performance], noiseMultiplier: 16 },
  },
} satisfies Partial<PlanInput>;

const rough: FaultRates = {
  ...noFaults,
  requestLost: 0.1,
  replyLost: 0.1,
  duplicated: 0.2,
  delayMaxMs: 1_000,
  trainingMaxMs: 20_000,
};

const plans: readonly [string, Scenario['plan'], FaultRates][] = [
  ['of records', { rounds: 4, overrides: asked }, noFaults],
  ['of records, over a bad network', { rounds: 4, overrides: asked }, rough],
  ['of clients', { rounds: 4, unit: 'client', overrides: asked }, noFaults],
  [
    'without noise',
    {
      rounds: 4,
      privacy: 'none',
      overrides: {
        ...asked,
        survey: { measures: [performance] },
        evaluation: { every: 2, part: 'validation', detail: 'accuracy', lossMax: 4, fit: {} },
        report: { measures: [performance], every: 2, train: { measures: [performance] } },
      },
    },
    noFaults,
  ],
];

describe('a run that asks about data and model', () => {
  it.each(plans)('%s: surveys first, reports last, and is charged for all of it', async (name, plan, faults) => {
    const scenario: Scenario = {
      seed: `judging ${name}`,
      clients: 5,
      plan: { evaluateEvery: 2, spareAttempts: 3, minSurvivors: 4, ...plan },
      liars: new Map(),
    };
    const result = await runScenario(scenario, { faults });
    expect(result.violations).toEqual([]);
    expect(result.status).toMatchObject({ state: 'finished', reason: null });
    expect(checkPlan(result.plan).problems).toEqual([]);
    expect(result.releasesChecked).toBe(6);
    const replay = await replayRun(result.store, result.blobs, result.runId);
    expect(replay.modelHash).toBe(result.status.modelHash);

    const record = await result.store.run(result.runId);
    const concluded = await measuresOfRun(result.store, result.blobs, record!);
    expect(concluded.map(({ round, slot }) => `${round} ${slot}`)).toEqual([
      '0 survey',
      '3 report',
      '5 trainReport',
      '5 report',
    ]);
    // The survey looks at the model that the first round starts from, the last report at the one that is published.
    expect(concluded[0]!.modelHash).not.toBe(concluded[1]!.modelHash);
    expect(concluded.at(-1)!.modelHash).toBe(result.status.modelHash);

    const { epsilon, epsilonSoFar, reportEpsilon, reportEpsilonSoFar } = result.status.privacy;
    if (plan.privacy === 'none') {
      const [survey, report] = concluded.map(({ measures }) => measures[0]!.report as PerformanceFigures);
      expect(survey!.units).toBeGreaterThan(report!.units);
      expect(survey!.confusion!.every(Number.isInteger)).toBe(true);
      return;
    }
    expect(epsilonSoFar).toBeLessThanOrEqual(epsilon!);
    if (plan.unit === 'client') expect(reportEpsilon).toBeNull();
    else {
      expect(reportEpsilonSoFar).toBeGreaterThan(0);
      expect(reportEpsilonSoFar).toBeLessThanOrEqual(reportEpsilon!);
    }
  });

  it('survives a coordinator and clients that die at any time', async () => {
    const result = await runScenario(
      {
        seed: 'judging crashes',
        clients: 5,
        plan: { rounds: 3, spareAttempts: 8, minSurvivors: 4, overrides: asked },
        liars: new Map(),
      },
      { faults: { ...noFaults, delayMaxMs: 200, clientCrashes: 0.003, coordinatorCrashes: 0.003 } },
    );
    expect(result.violations).toEqual([]);
    expect(result.status.state).toBe('finished');
  });
});

describe('a draft that shares its ε', () => {
  const draft = { ...examplePlan({ overrides: { ...asked } }) };

  it('gives survey, fit and the report on training units their shares, and training the rest', () => {
    const { survey, evaluation, report, training, privacy } = withoutNoise(draft);
    const plan = completePlan({
      ...draft,
      survey,
      evaluation,
      report,
      training,
      privacy: { ...privacy, epsilon: 3, evaluationEpsilon: 1, reportEpsilon: 1 },
    });
    expect(checkPlan(plan).problems).toEqual([]);
    // Each share alone is a tenth of ε = 3; the two measures that ask once are given the same noise.
    expect(plan.survey!.noiseMultiplier).toBe(plan.report!.train!.noiseMultiplier);
    expect(plan.survey!.noiseMultiplier).toBeGreaterThan(plan.report!.noiseMultiplier!);
    for (const { stated, slots } of planEpsilons(plan)) {
      expect(accountedEpsilon(slots, 1e-5).epsilon).toBeLessThanOrEqual(stated!);
      expect(accountedEpsilon(slots, 1e-5).epsilon).toBeGreaterThan(0.99 * stated!);
    }
  });
});

/** A plan as a draft that states no noise. */
function withoutNoise(plan: Plan): Plan {
  return JSON.parse(
    JSON.stringify(plan, (key, value: unknown) => (key === 'noiseMultiplier' ? undefined : value)),
  ) as Plan;
}
