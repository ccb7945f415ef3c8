import { figurePathsOf } from '../queries/index.ts';
import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';
import { queryContext } from './query-context.ts';

/** Figures that are concluded from two releases; the last part of each path. */
const membershipFigures = ['auc', 'advantage', 'tprAtFpr10', 'tprAtFpr1'];

/** Thresholds: each names a figure that the plan's releases will give, and asks for something that can be. */
export function checkThresholds(plan: Plan, report: PlanReport): void {
  // Names are known of measures that can be asked.
  if (report.problems.length > 0 || plan.report === undefined) return;
  const { thresholds } = plan.report;
  if (thresholds.length === 0) return;
  const known = new Set(figuresOf(plan));
  thresholds.forEach(({ figure, atLeast, atMost }, index) => {
    const path = `plan.report.thresholds[${index}]`;
    if (atLeast === undefined && atMost === undefined) {
      report.problems.push({
        path,
        problem: `${figure} is held to nothing`,
        cure: 'State atLeast, atMost or both, or take the threshold out.',
      });
    } else if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) {
      report.problems.push({
        path,
        problem: `${figure}: at least ${atLeast} and at most ${atMost} cannot both be`,
        cure: 'Exchange them, or take one out.',
      });
    }
    if (thresholds.findIndex((other) => other.figure === figure) < index) {
      report.problems.push({ path, problem: `${figure} is held to two thresholds`, cure: 'Put both into one.' });
    }
    if (!known.has(figure)) {
      report.problems.push({
        path: `${path}.figure`,
        problem: `no measure of the plan gives ${figure}`,
        cure: `Name one of ${nearest(figure, [...known]).join(', ')}, or ask for the measure.`,
      });
    }
  });
}

function figuresOf(plan: Plan): readonly string[] {
  const context = queryContext(plan);
  const { measures } = context;
  const slots = (['report', 'trainReport', 'survey'] as const).flatMap((slot) => figurePathsOf(context, slot));
  const both = (kind: string): boolean =>
    [measures.report, measures.trainReport].every((list) => list.some((one) => one.kind === kind));
  const evaluates = plan.evaluation !== null;
  return [
    ...slots,
    ...(both('membership') ? membershipFigures.map((name) => `membership.${name}`) : []),
    ...(both('performance') || plan.evaluation?.fit !== undefined ? ['gaps.outOfSample'] : []),
    ...(evaluates && plan.heldOut !== undefined ? ['gaps.participation'] : []),
  ];
}

/** Five names at most: those of the same kind first. */
function nearest(figure: string, known: readonly string[]): readonly string[] {
  const [kind = ''] = figure.split('.');
  const last = figure.split('.').at(-1) ?? '';
  const rank = (name: string): number => (name.endsWith(`.${last}`) ? 0 : name.startsWith(`${kind}.`) ? 1 : 2);
  return known.toSorted((a, b) => rank(a) - rank(b)).slice(0, 5);
}
