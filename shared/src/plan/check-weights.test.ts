import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import { completePlan } from './complete-plan.ts';
import { planHashOf } from './parse-plan.ts';
import { examplePlan, type ExamplePlanOptions } from './testing/index.ts';
import type { Plan } from './plan-schema.ts';

/** A plan that weighs its rows; its ε is what it is without. */
function weighted(weights: object, options: ExamplePlanOptions = {}): Plan {
  const plan = examplePlan(options);
  return completePlan({ ...plan, training: { ...plan.training, weights } });
}

const byAge = { columns: [{ column: 'age', cuts: [50] }], cells: [{ group: 'age ≥ 50', label: '1', weight: 2 }] };

describe('weights of rows in a plan', () => {
  it('are sound, cost nothing, and are part of its hash', () => {
    const { problems, summary } = checkPlan(weighted(byAge));
    expect(problems).toEqual([]);
    expect(summary!.epsilons).toEqual(checkPlan(examplePlan()).summary!.epsilons);
    expect(planHashOf(weighted(byAge))).not.toBe(planHashOf(examplePlan()));
  });

  it('are refused for update by name', () => {
    const [problem] = checkPlan(weighted(byAge, { unit: 'client' })).problems;
    expect(problem).toMatchObject({ path: 'plan.training.weights', cure: 'Use gradient, or take the weights out.' });
    expect(problem!.problem).toContain('update trains some epochs');
  });

  it('of what is not there are named', () => {
    const path = 'plan.training.weights';
    expect(checkPlan(weighted({ ...byAge, columns: ['gender'] })).problems).toMatchObject([
      { path: `${path}.columns[0]`, problem: 'the schema has no column gender' },
    ]);
    expect(checkPlan(weighted({ cells: [{ label: 'ill', weight: 2 }] })).problems).toMatchObject([
      { path: `${path}.cells[0].label`, problem: 'the target has no label ill', cure: 'Name one of 0, 1.' },
    ]);
    expect(() => weighted({ cells: [{ weight: -1 }] })).toThrow('plan.training.weights.cells[0].weight');
  });

  it('above ten are a warning', () => {
    const { problems, warnings } = checkPlan(weighted({ cells: [{ label: '1', weight: 20 }] }));
    expect(problems).toEqual([]);
    expect(warnings).toContainEqual(expect.objectContaining({ path: 'plan.training.weights.cells[0].weight' }));
  });
});

describe('a sensitive column that is unknown', () => {
  it.each(['survey', 'report'])('is named when the %s is checked or completed', (slot) => {
    const fairness = { kind: 'fairness', attributes: [{ columns: ['gender'] }] };
    const of = (measures: object[]) => ({
      split: { validation: 0.2, test: 0.2 },
      [slot]: { measures, noiseMultiplier: 16 },
    });
    expect(() => examplePlan({ overrides: of([fairness]) })).toThrow('the schema has no column gender');
    const sound = examplePlan({
      overrides: of([{ ...fairness, attributes: [byAge].map(({ columns }) => ({ columns })) }]),
    });
    const { problems } = checkPlan({ ...sound, ...of([fairness]) } as Plan);
    expect(problems).toMatchObject([
      { path: `plan.${slot}.measures[0].attributes[0].columns[0]`, problem: 'the schema has no column gender' },
    ]);
  });
});
