import type { EarlyStoppingConfig } from './early-stopping-schema.ts';

/** What one evaluation released, the lower the better; null where it was withheld. */
export type StoppingFigures = {
  readonly validation: number | null;
  /** Of the units that train. */
  readonly train: number | null;
};

/** What a rule has seen. Evaluations are numbered from 0, those that were withheld left out. */
export type StoppingState = {
  readonly validation: readonly number[];
  readonly train: readonly (number | null)[];
  /** The best evaluation so far, by the smoothed figure; null before the first. */
  readonly best: { readonly evaluation: number; readonly value: number } | null;
  /** The evaluation at which the rule said stop; null: train on. Nothing is looked at after it. */
  readonly stop: number | null;
};

/** Before the first evaluation. */
export const nothingSeen: StoppingState = { validation: [], train: [], best: null, stop: null };

/**
 * The state after one more evaluation. Pure, and by + - × ÷ and comparisons alone, so that a replay decides the same. It reads
 * released figures and nothing else, so it costs no ε; since the stop depends on data the stated ε stays that of all rounds
 * (soundness.md §3: an early stop is dominated by the whole plan, and gives nothing back).
 *
 * - patience: stops at the p-th evaluation in a row that was not below best - minDelta;
 * - generalizationLoss, GL(t) = 100·(E(t) / min E - 1) > threshold;
 * - progressQuotient, GL(t) / P_k(t) > threshold with P_k(t) = 1000·(mean of the last k training figures / their minimum - 1).
 *
 * A withheld figure changes nothing. A quotient with a training figure missing from its strip is not decided.
 * @see Prechelt 1998, "Early Stopping – But When?", §2: the classes UP, GL and PQ.
 */
export function watchEvaluation(
  config: EarlyStoppingConfig,
  state: StoppingState,
  figures: StoppingFigures,
): StoppingState {
  if (state.stop !== null || figures.validation === null) return state;
  const validation = [...state.validation, figures.validation];
  const train = [...state.train, figures.train];
  const now = validation.length - 1;
  const value = meanOf(validation.slice(-config.smoothing));
  const minDelta = config.rule === 'patience' ? config.minDelta : 0;
  const better = state.best === null || value < state.best.value - minDelta;
  const best = better ? { evaluation: now, value } : state.best!;
  return { validation, train, best, stop: saysStop(config, value, best, now, train) ? now : null };
}

/** Loss in percent above the best; infinite above a best of 0. */
function generalizationLoss(value: number, best: number): number {
  return value === best ? 0 : 100 * (value / best - 1);
}

function saysStop(
  config: EarlyStoppingConfig,
  value: number,
  best: { readonly evaluation: number; readonly value: number },
  now: number,
  train: readonly (number | null)[],
): boolean {
  switch (config.rule) {
    case 'patience':
      return now - best.evaluation >= config.patience;
    case 'generalizationLoss':
      return generalizationLoss(value, best.value) > config.threshold;
    case 'progressQuotient': {
      const strip = train.slice(-config.strip).filter((figure) => figure !== null);
      if (strip.length < config.strip) return false;
      const least = strip.reduce((low, figure) => (figure < low ? figure : low));
      const progress = 1000 * (meanOf(strip) / least - 1);
      return generalizationLoss(value, best.value) / progress > config.threshold;
    }
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
