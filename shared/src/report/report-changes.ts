import { differenceOfFigures } from '../metrics/index.ts';
import { figureOf, reportFigure } from './report-figures.ts';
import type { ReportChanges, ReportDocument, ReportFigure, Verdict } from './report-schema.ts';

/** What stands in a report that is compared. */
export type Compared = Pick<ReportDocument, 'plan' | 'run' | 'measures' | 'thresholds'>;

/**
 * What changed since an earlier report: lines of the plan, figures, verdicts. Figures are compared by name, so it may be of another plan; what only
 * one of them has is listed with nothing on the other side.
 */
export function changesSince(earlier: Compared, now: Compared): ReportChanges {
  const [before, after] = [figuresByName(earlier), figuresByName(now)];
  const names = [...new Set([...after.keys(), ...before.keys()])];
  return {
    against: { runId: earlier.run.runId, planHash: earlier.plan.hash, modelHash: earlier.run.modelHash },
    plan: linesThatDiffer(
      { ...earlier.plan.terms, clients: earlier.plan.clients },
      { ...now.plan.terms, clients: now.plan.clients },
    ),
    figures: names.map((name) => {
      const [old, young] = [before.get(name) ?? null, after.get(name) ?? null];
      const difference =
        old === null || young === null ? null : reportFigure(differenceOfFigures(figureOf(young), figureOf(old)));
      return { name, before: old, after: young, difference };
    }),
    verdicts: verdictsThatDiffer(earlier.thresholds, now.thresholds),
  };
}

function figuresByName({ measures }: Pick<Compared, 'measures'>): ReadonlyMap<string, ReportFigure | null> {
  const newest = measures.filter((measure) => measure.newest);
  return new Map(newest.flatMap(({ figures }) => figures.map(({ name, figure }) => [name, figure] as const)));
}

function verdictsThatDiffer(before: Compared['thresholds'], after: Compared['thresholds']): ReportChanges['verdicts'] {
  const of = (thresholds: Compared['thresholds'], figure: string): Verdict | null =>
    thresholds.find((threshold) => threshold.figure === figure)?.verdict ?? null;
  const figures = [...new Set([...after, ...before].map(({ figure }) => figure))];
  return figures
    .map((figure) => ({ figure, before: of(before, figure), after: of(after, figure) }))
    .filter((change) => change.before !== change.after);
}

/** The leaves of two values that are not the same, by their paths. */
function linesThatDiffer(before: object, after: object): ReportChanges['plan'] {
  const [old, young] = [leavesOf(before), leavesOf(after)];
  const paths = [...new Set([...young.keys(), ...old.keys()])];
  return paths
    .map((path) => ({ path, before: old.get(path) ?? null, after: young.get(path) ?? null }))
    .filter((line) => line.before !== line.after);
}

function leavesOf(value: unknown, path = '', leaves = new Map<string, string>()): Map<string, string> {
  if (value === undefined) return leaves;
  const entries = value !== null && typeof value === 'object' ? Object.entries(value) : [];
  if (entries.length === 0) return leaves.set(path, JSON.stringify(value));
  for (const [key, inner] of entries) {
    const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    leavesOf(inner, below, leaves);
  }
  return leaves;
}
