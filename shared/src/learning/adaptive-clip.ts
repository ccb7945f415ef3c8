import { exp } from '../model/index.ts';
import type { Strategy } from './strategy.ts';

/** How the bound on a client's update follows the updates' norms. */
export type ClipRule = {
  /** C of the first round. */
  readonly first: number;
  /** gamma: the share of updates that shall be within the bound. */
  readonly quantile: number;
  /** eta */
  readonly learningRate: number;
  readonly least: number;
  readonly most: number;
};

/**
 * A strategy that keeps the clients' bound as its last scalar: C ← C·exp(-eta·(b - gamma)), kept within [least, most], where b is
 * the released share of updates within the bound. Too many within: it falls; too few: it rises.
 *
 * The mean has one coordinate more than the model: b - 1/2.
 * @see Andrew, Thakkar, McMahan, Ramaswamy 2021, Algorithm 1.
 */
export function withAdaptiveClip(inner: Strategy, rule: ClipRule): Strategy {
  return {
    ...inner,
    figures: inner.figures + 1,
    scalars: [...inner.scalars, rule.first],
    step(state, mean) {
      const own = state.scalars.length - 1;
      const last = mean.length - 1;
      const step = inner.step({ ...state, scalars: state.scalars.slice(0, own) }, mean.subarray(0, last));
      return { ...step, scalars: [...step.scalars, nextBound(rule, state.scalars[own]!, mean[last]! + 0.5)] };
    },
  };
}

function nextBound(rule: ClipRule, bound: number, within: number): number {
  const next = bound * exp(-rule.learningRate * (within - rule.quantile));
  // Noise may carry it anywhere; the plan's limits hold.
  if (next > rule.most) return rule.most;
  return next < rule.least ? rule.least : next;
}
