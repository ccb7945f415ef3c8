import { z95, type Figure, type Shown } from '../../metrics/index.ts';
import type { QueryContext } from '../query.ts';

/** Noisy number of some units with the deviation of its noise; it is of these data, so nothing is sampled. */
export function countFigure(count: number, noiseStd: number): Figure {
  const noiseHalfWidth = z95 * noiseStd;
  return { value: count, low: Math.max(0, count - noiseHalfWidth), high: count + noiseHalfWidth, noiseHalfWidth };
}

/** A number of units as it may be shown: not below the plan's minimum, and not where its noise is wider than itself. */
export function shownCount(context: QueryContext, count: number, noiseStd: number): Shown {
  if (tooFew(context, count)) return { figure: null, withheld: tooFewWords(context) };
  const figure = countFigure(count, noiseStd);
  if (figure.noiseHalfWidth <= count) return { figure, withheld: null };
  return {
    figure: null,
    withheld: `noise alone is ±${Number(figure.noiseHalfWidth.toPrecision(2))} of ${Math.round(count)}`,
  };
}

/**
 * Whether a cell holds too few units to be told, noise included. At unit = client a cell is a sum of clients' shares and no number of units, so
 * that only the number of clients decides.
 */
export function tooFew(context: QueryContext, count: number): boolean {
  return context.unit === 'record' && count < context.minimumUnits;
}

/** Why a cell with too few units is withheld. */
export function tooFewWords({ minimumUnits }: QueryContext): string {
  return `fewer than ${minimumUnits} units, noise included`;
}

/** Cells of a histogram as they may be shown: null for one with too few units. */
export function shownCells(context: QueryContext, counts: ArrayLike<number>): readonly (number | null)[] {
  return Array.from(counts, (count) => (tooFew(context, count) ? null : count));
}

/** Sum of noisy counts. */
export function totalOf(counts: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  return total;
}

/** Edges of bins of equal width, [bins + 1]. */
export function binEdges(low: number, high: number, bins: number): readonly number[] {
  return Array.from({ length: bins + 1 }, (_, edge) => low + ((high - low) * edge) / bins);
}

/** Bin of a value within a range; what lies outside of it, by rounding, is in the first or the last one. NaN for NaN. */
export function binIn(value: number, low: number, high: number, bins: number): number {
  return Math.min(bins - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * bins)));
}
