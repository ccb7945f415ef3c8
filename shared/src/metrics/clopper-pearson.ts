import { binomialUpperTail } from '../privacy/binomial.ts';

/**
 * One-sided lower confidence bound on a chance, by bisection: the p at which so many successes or more have a chance of alpha.
 * The upper bound of k of n is one minus the lower one of n - k.
 *
 * @see Clopper, Pearson 1934.
 */
export function clopperPearsonLower(count: number, draws: number, alpha: number): number {
  if (count === 0) return 0;
  let [below, above] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (below + above) / 2;
    if (binomialUpperTail(count, draws, { win: middle, lose: 1 - middle }) < alpha) below = middle;
    else above = middle;
  }
  return below;
}
