import type { Figure } from './interval.ts';

/** A figure as it may be shown, or why it is not. */
export type Shown =
  { readonly figure: Figure; readonly withheld: null } | { readonly figure: null; readonly withheld: string };

/** A figure whose noise alone is wider than this share of its range, to either side, tells nothing. */
export const noiseHalfWidthMax = 0.2;

/**
 * A figure, or the reason for silence: it cannot be told apart from none (`null`), or its noise drowns it. Decided by noisy numbers
 * alone, as everything that is shown (soundness.md §1).
 *
 * @param range - from the figure's least to its largest value.
 * @param silence - the reason where there is no figure at all.
 */
export function shown(figure: Figure | null, range = 1, silence = 'too few units beside the noise'): Shown {
  if (figure === null) return { figure: null, withheld: silence };
  const share = figure.noiseHalfWidth / range;
  if (share <= noiseHalfWidthMax) return { figure, withheld: null };
  const points = Number((100 * share).toPrecision(2));
  return { figure: null, withheld: `noise alone is ±${points} % of the figure's range` };
}
