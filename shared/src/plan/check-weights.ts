import { rowWeightProblems } from '../queries/index.ts';
import { classTexts } from './data-schema.ts';
import { inputColumns } from './input-columns.ts';
import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';

/** Weight of a row above which little of the bound is left to the others. */
const weightWarned = 10;

/** What rows weigh in training: whether groups and labels are there, and whether the query knows of weights. */
export function checkWeights(plan: Plan, report: PlanReport): void {
  const { weights, query } = plan.training;
  if (weights === undefined) return;
  const path = 'plan.training.weights';
  if (query.kind === 'update') {
    report.problems.push({
      path,
      problem: 'update trains some epochs on the device, whose engines know of no weights',
      cure: 'Use gradient, or take the weights out.',
    });
  }
  const columns = inputColumns(plan.schema);
  report.problems.push(...rowWeightProblems(columns, classTexts(plan.schema.target), weights, path));
  weights.cells.forEach(({ weight }, index) => {
    if (weight <= weightWarned) return;
    report.warnings.push({
      path: `${path}.cells[${index}].weight`,
      problem: `a unit may use clipNormL2 in proportion to its weight: beside ${weight} one of weight 1 is clipped to 1/${weight} of it, while the noise stays`,
      cure: `Keep weights at ${weightWarned} or below.`,
    });
  });
}
