import { nothingSeen, watchEvaluation, type StoppingState } from '@sotto/shared/learning';
import { lastRound, type Plan } from '@sotto/shared/plan';
import type { EvaluationSet, RunStatus } from '@sotto/shared/protocol';

/** What a plan's rule of early stopping has seen of a run, and the best model that was evaluated. */
export type WatchedRun = {
  readonly seen: StoppingState;
  /** The round whose evaluation looked at it, and the model's hash; null before the first that told something. */
  readonly best: { readonly round: number; readonly modelHash: string } | null;
  /** The round after whose release training ended by the rule; null: it goes on. */
  readonly stoppedIn: number | null;
};

/** A run before its first release. */
export const nothingWatched: WatchedRun = { seen: nothingSeen, best: null, stoppedIn: null };

/** A release as far as the rule looks at it. */
export type WatchedRelease = {
  readonly round: number;
  /** Hash of the model that its session started from, which its evaluation looked at. */
  readonly modelBefore: string;
  readonly evaluation: RunStatus['evaluations'][number] | null;
};

/**
 * What is known after a release: by released figures alone, so that the run's machine, a restart and a replay agree. The evaluation in the
 * last session looks at the model that was chosen and changes nothing.
 */
export function watchRelease(plan: Plan, before: WatchedRun, release: WatchedRelease): WatchedRun {
  const { earlyStopping, rounds } = plan.training;
  const { round, modelBefore, evaluation } = release;
  if (earlyStopping === undefined || evaluation === null || round > rounds) return before;
  const valueOf = ({ accuracy, loss }: EvaluationSet): number | null => {
    if (earlyStopping.figure === 'loss') return loss?.value ?? null;
    return accuracy === null ? null : 1 - accuracy.value;
  };
  const train = evaluation.fit === undefined ? null : valueOf(evaluation.fit);
  const seen = watchEvaluation(earlyStopping, before.seen, { validation: valueOf(evaluation), train });
  const isBest = seen.best !== null && seen.best.evaluation !== before.seen.best?.evaluation;
  return {
    seen,
    best: isBest ? { round, modelHash: modelBefore } : before.best,
    stoppedIn: before.stoppedIn ?? (seen.stop === null ? null : round),
  };
}

/** The round after one that was released. */
export function roundAfter(plan: Plan, watched: WatchedRun, round: number): number {
  return watched.stoppedIn !== null && round <= plan.training.rounds ? lastRound(plan) : round + 1;
}

/** The model that the last session takes instead of the newest: the best one, where the plan watches for it. Null in every other round. */
export function bestFor(plan: Plan, watched: WatchedRun, round: number): string | null {
  return round > plan.training.rounds ? (watched.best?.modelHash ?? null) : null;
}
