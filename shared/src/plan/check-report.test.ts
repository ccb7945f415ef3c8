import { expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import { checkThresholds } from './check-report.ts';
import type { Plan, PlanInput } from './plan-schema.ts';
import { examplePlan } from './testing/index.ts';

function planWith(
  thresholds: NonNullable<PlanInput['report']>['thresholds'],
  more: Partial<Plan['report']> = {},
): Plan {
  return examplePlan({
    overrides: {
      split: { validation: 0.2, test: 0.2 },
      survey: { measures: [{ kind: 'labels' }], noiseMultiplier: 40 },
      report: {
        noiseMultiplier: 8,
        measures: [
          { kind: 'performance' },
          { kind: 'clients' },
          { kind: 'robustness', epsilons: [0.1] },
          { kind: 'permutation' },
          { kind: 'membership' },
        ],
        train: { measures: [{ kind: 'performance' }, { kind: 'membership' }], noiseMultiplier: 40 },
        thresholds,
        ...more,
      } as never,
    },
  });
}

function problems(plan: Plan): readonly string[] {
  return checkPlan(plan, [checkThresholds]).problems.map(({ path, problem }) => `${path}: ${problem}`);
}

it('a threshold may name any figure that the measures of the plan give', () => {
  const figures = [
    'performance.accuracy',
    'train.performance.logLoss',
    'clients.worstDecile',
    'robustness.linf.0.1.worst',
    'permutation.chol.drop',
    'membership.advantage',
    'gaps.outOfSample',
    'survey.labels.smallestClass',
  ];
  expect(problems(planWith(figures.map((figure) => ({ figure, atMost: 0.5 }))))).toEqual([]);
});

it('one that no measure gives is refused, with names that there are', () => {
  const plan = planWith([
    { figure: 'performance.acuracy', atLeast: 0.7 },
    { figure: 'fairness.sex.equalizedOdds', atMost: 0.1 },
  ]);
  expect(problems(plan)).toEqual([
    'plan.report.thresholds[0].figure: no measure of the plan gives performance.acuracy',
    'plan.report.thresholds[1].figure: no measure of the plan gives fairness.sex.equalizedOdds',
  ]);
  expect(checkPlan(plan, [checkThresholds]).problems[0]?.cure).toContain('performance.accuracy');
});

it('one that asks for nothing, for what cannot be, or twice is refused', () => {
  const plan = planWith([
    { figure: 'performance.accuracy' },
    { figure: 'performance.auroc', atLeast: 0.9, atMost: 0.8 },
    { figure: 'performance.auroc', atLeast: 0.9 },
  ]);
  expect(problems(plan)).toEqual([
    'plan.report.thresholds[0]: performance.accuracy is held to nothing',
    'plan.report.thresholds[1]: performance.auroc: at least 0.9 and at most 0.8 cannot both be',
    'plan.report.thresholds[2]: performance.auroc is held to two thresholds',
  ]);
});
