import { isSottoError } from '../errors/index.ts';

/** One thing that a plan's check has to say. */
export type PlanFinding = {
  /** The plan's field, for example `plan.cohort.minSurvivors`. */
  readonly path: string;
  /** What is wrong, with both values. */
  readonly problem: string;
  /** What to do about it. */
  readonly cure: string;
};

/** Where the parts of the check write to. */
export type PlanReport = {
  /** What makes the plan unsound or impossible. */
  readonly problems: PlanFinding[];
  /** What is allowed but probably not meant. */
  readonly warnings: PlanFinding[];
};

/**
 * Runs a computation that refuses what does not fit by PLAN_INVALID, and turns a refusal into a problem. Its message reads
 * `path: problem; cure`.
 * @returns the result, or null after a refusal.
 */
export function orProblem<Result>(report: PlanReport, compute: () => Result): Result | null {
  try {
    return compute();
  } catch (error) {
    if (!isSottoError(error, 'PLAN_INVALID')) throw error;
    const [, path = 'plan', rest = error.message] = /^(plan[^:\s]*): (.*)$/s.exec(error.message) ?? [];
    const [problem = rest, ...cures] = rest.split('; ');
    report.problems.push({ path, problem, cure: cures.length === 0 ? error.cure : `${cures.join('; ')}.` });
    return null;
  }
}
