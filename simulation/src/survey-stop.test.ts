import { checkPlan, type PlanInput } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import { noFaults } from './faults.ts';
import { runScenario } from './scenario.ts';

const labels = { kind: 'labels' as const };
const noise = { noiseMultiplier: 16 };

async function runWith(survey: PlanInput['survey'], crashes = 0) {
  return runScenario(
    {
      seed: `survey stop ${crashes}`,
      clients: 4,
      plan: {
        rounds: 2,
        evaluateEvery: null,
        spareAttempts: crashes > 0 ? 8 : 1,
        minSurvivors: 3,
        overrides: { survey },
      },
      liars: new Map(),
    },
    { faults: { ...noFaults, coordinatorCrashes: crashes } },
  );
}

describe('a survey that says when there is too little to train on', () => {
  it('ends the run before its first round, with the reason, and trains nothing', async () => {
    const { status, violations, releasesChecked } = await runWith({
      measures: [labels],
      stopBelow: { units: 100_000 },
      ...noise,
    });
    expect(violations).toEqual([]);
    expect(status).toMatchObject({ state: 'failed' });
    expect(status.reason).toMatch(/^the survey counts about \d+ units, and the plan asks for 100000 before it trains$/);
    expect(releasesChecked).toBe(1);
  });

  it('does so whenever the coordinator dies', async () => {
    const { status, violations } = await runWith(
      { measures: [labels], stopBelow: { classUnits: 90_000 }, ...noise },
      0.02,
    );
    expect(violations).toEqual([]);
    expect(status.state).toBe('failed');
    expect(status.reason).toContain('of each before it trains');
  });

  it('lets a run go on where there is enough', async () => {
    const { status } = await runWith({ measures: [labels], stopBelow: { units: 1 }, noiseMultiplier: 1 });
    expect(status).toMatchObject({ state: 'finished', reason: null });
  });
});

describe('a plan that is stopped by a survey', () => {
  const problemsOf = (unit: 'record' | 'client', survey: PlanInput['survey']) => {
    const plan = examplePlan({ unit, rounds: 2, evaluateEvery: null, overrides: { survey } });
    return checkPlan(plan).problems.map(({ path, problem }) => `${path}: ${problem}`);
  };

  it('has to count labels, and classes where they are units', () => {
    const columns = { kind: 'columns' as const, columns: ['age'] };
    expect(problemsOf('record', { measures: [columns], stopBelow: { units: 5 }, ...noise })).toEqual([
      'plan.survey.stopBelow: the survey does not count labels, by which it would be decided',
    ]);
    expect(problemsOf('client', { measures: [labels], stopBelow: { classUnits: 5 }, ...noise })).toEqual([
      'plan.survey.stopBelow.classUnits: at unit client shares are counted, no units of a class',
    ]);
    expect(problemsOf('client', { measures: [labels], stopBelow: { units: 3 }, ...noise })).toEqual([]);
  });
});
