import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';

/** Early stopping: that what its rule looks at is released, and that it can ever decide. */
export function checkEarlyStopping(plan: Plan, report: PlanReport): void {
  const { earlyStopping, rounds } = plan.training;
  const { evaluation } = plan;
  if (earlyStopping === undefined) return;
  const path = 'plan.training.earlyStopping';
  if (evaluation === null) {
    report.problems.push({
      path,
      problem: 'nothing is evaluated, so there is nothing to stop by',
      cure: 'Plan an evaluation, or take it out.',
    });
    return;
  }
  if (earlyStopping.figure === 'accuracy' && plan.schema.target.kind === 'number') {
    report.problems.push({
      path: `${path}.figure`,
      problem: 'a number target has no accuracy',
      cure: 'Set it to loss.',
    });
  }
  if (earlyStopping.rule === 'progressQuotient' && evaluation.fit === undefined) {
    report.problems.push({
      path: `${path}.rule`,
      problem: 'progressQuotient looks at the figures of the units that train, which are not asked for',
      cure: 'Set evaluation.fit, or choose another rule.',
    });
  }
  const evaluations = Math.floor((rounds - 1) / evaluation.every);
  const needed = { patience: 1, generalizationLoss: 2, progressQuotient: 2 }[earlyStopping.rule];
  const least = earlyStopping.rule === 'patience' ? earlyStopping.patience + needed : needed;
  if (evaluations < least) {
    report.warnings.push({
      path,
      problem: `the rule decides after ${least} evaluations at the earliest, ${evaluations} come before the last round`,
      cure: 'Evaluate more often, or take it out.',
    });
  }
  const lastEvaluated = 1 + evaluations * evaluation.every;
  if (evaluations > 0 && lastEvaluated < rounds) {
    report.warnings.push({
      path: 'plan.training.rounds',
      problem: `the last model that is evaluated before the end is that of round ${lastEvaluated - 1}: the rounds from ${lastEvaluated} to ${rounds} train in vain`,
      cure: `Set it to ${lastEvaluated}.`,
    });
  }
}
