import type { Figure } from '@sotto/shared/protocol';
import { formatRate } from './format.ts';

export type Interval = { low: number; high: number };

/**
 * The part of a figure's 95 % interval that sampling alone would leave. Sampling error and privacy noise are independent, so
 * their half-widths add in squares; each side keeps its own length, because an interval of a proportion leans inward.
 */
export function samplingInterval(figure: Figure): Interval {
  const shrink = (halfWidth: number) => Math.sqrt(Math.max(0, halfWidth ** 2 - figure.noiseHalfWidth ** 2));
  return {
    low: figure.value - shrink(figure.value - figure.low),
    high: figure.value + shrink(figure.high - figure.value),
  };
}

/** "± 0.025" where the interval is even to the last digit shown, else "0.741 to 0.802". */
export function intervalText(figure: Figure): string {
  const below = formatRate(figure.value - figure.low);
  const above = formatRate(figure.high - figure.value);
  if (below === above && below === formatRate(0)) return 'exact';
  return below === above ? `± ${below}` : `${formatRate(figure.low)} to ${formatRate(figure.high)}`;
}
