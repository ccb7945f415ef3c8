import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import type { Plan } from './plan-schema.ts';
import { examplePlan, type ExamplePlanOptions } from './testing/index.ts';

const patience = { rule: 'patience', patience: 2, minDelta: 0, figure: 'loss', smoothing: 1 } as const;
const quotient = { rule: 'progressQuotient', threshold: 0.5, strip: 5, figure: 'loss', smoothing: 1 } as const;

function planWith(earlyStopping: Plan['training']['earlyStopping'], options: ExamplePlanOptions = {}): Plan {
  const plan = examplePlan({ rounds: 9, evaluateEvery: 2, ...options });
  return { ...plan, training: { ...plan.training, earlyStopping } };
}

const findings = (plan: Plan, kind: 'problems' | 'warnings') =>
  checkPlan(plan)[kind].filter(({ path }) => /earlyStopping|rounds/.test(path));

describe('early stopping in a plan', () => {
  it('is sound where its figures are released, and changes no ε', () => {
    const plan = planWith(patience);
    expect(findings(plan, 'problems')).toEqual([]);
    expect(findings(plan, 'warnings')).toEqual([]);
    expect(checkPlan(plan).summary!.epsilons).toEqual(checkPlan(planWith(undefined)).summary!.epsilons);
  });

  it.each([
    ['without an evaluation', planWith(patience, { evaluateEvery: null }), 'plan.training.earlyStopping'],
    ['by a quotient without training figures', planWith(quotient), 'plan.training.earlyStopping.rule'],
  ])('is refused %s', (_, plan, path) => {
    expect(findings(plan, 'problems')).toEqual([expect.objectContaining({ path })]);
  });

  it('is refused by accuracy where the target is a number', () => {
    const plan = planWith({ ...patience, figure: 'accuracy' });
    const schema = { ...plan.schema, target: { kind: 'number', column: 'y', centre: 0, scale: 1 } } as Plan['schema'];
    expect(findings({ ...plan, schema }, 'problems')).toContainEqual(
      expect.objectContaining({ path: 'plan.training.earlyStopping.figure' }),
    );
  });

  it('warns where it can never decide, and where the last rounds train in vain', () => {
    const never = findings(planWith({ ...patience, patience: 4 }), 'warnings');
    expect(never).toEqual([
      expect.objectContaining({ problem: expect.stringMatching(/after 5 evaluations .* 4 come/) }),
    ]);
    const vain = findings(planWith(patience, { rounds: 10 }), 'warnings');
    expect(vain).toEqual([
      expect.objectContaining({
        path: 'plan.training.rounds',
        problem: expect.stringMatching(/of round 8: .* 9 to 10/),
      }),
    ]);
    expect(vain[0]!.cure).toBe('Set it to 9.');
  });
});
