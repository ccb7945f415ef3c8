import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import type { PlanInput } from './plan-schema.ts';
import { queryContext } from './query-context.ts';
import { examplePlan } from './testing/index.ts';

function planWith(survey: PlanInput['survey'], report?: PlanInput['report']) {
  const overrides = { split: { validation: 0.2, test: 0.2 }, survey, ...(report === undefined ? {} : { report }) };
  return examplePlan({ rounds: 2, evaluateEvery: null, overrides });
}

const problemsOf = (survey: PlanInput['survey']) =>
  checkPlan(planWith(survey)).problems.map(({ path, problem }) => `${path}: ${problem}`);

describe('what a plan asks of its data', () => {
  it('leaves every measure enough of the vector that a unit is not truncated away', () => {
    const measures = (share: number) => [{ kind: 'labels' as const, share }, { kind: 'columns' as const }];
    expect(problemsOf({ measures: measures(0.01), noiseMultiplier: 40 })).toEqual([]);
    expect(problemsOf({ measures: measures(1e-7), noiseMultiplier: 40 })).toEqual([
      expect.stringMatching(
        /^plan\.survey\.measures\[0\]\.share: beside the others it leaves a unit \d grid steps of at/,
      ),
    ]);
  });

  it('does not end a run by classes that its survey withholds', () => {
    const below = (classUnits: number) =>
      problemsOf({ measures: [{ kind: 'labels' }], minimumUnits: 20, stopBelow: { classUnits }, noiseMultiplier: 16 });
    expect(below(20)).toEqual([]);
    expect(below(19)).toEqual([
      'plan.survey.stopBelow.classUnits: a class with fewer units than survey.minimumUnits 20 is withheld, so the run would end below that',
    ]);
  });

  it('knows the survey’s minimum beside the report’s', () => {
    const labels = { measures: [{ kind: 'labels' as const }], noiseMultiplier: 16 };
    const plan = planWith({ ...labels, minimumUnits: 50 }, { ...labels, minimumUnits: 5 });
    expect(queryContext(plan)).toMatchObject({ minimumUnits: 5, surveyMinimumUnits: 50 });
  });
});
