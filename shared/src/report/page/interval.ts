import { numberText } from '../number-text.ts';
import type { ReportFigure } from '../report-schema.ts';

export type Interval = { readonly low: number; readonly high: number };

/** The whole 95 % interval; a side without a bound is infinite. */
export function intervalOf({ low, high }: ReportFigure): Interval {
  return { low: low ?? -Infinity, high: high ?? Infinity };
}

/**
 * The part of the interval that sampling alone would leave. Sampling and privacy noise are independent, so their half widths add in squares; each
 * side keeps its own length, because an interval of a share leans inward.
 */
export function samplingInterval(figure: ReportFigure): Interval {
  const { low, high } = intervalOf(figure);
  const shrink = (half: number): number => Math.sqrt(Math.max(0, half ** 2 - figure.noiseHalfWidth ** 2));
  return { low: figure.value - shrink(figure.value - low), high: figure.value + shrink(high - figure.value) };
}

/** Range of an axis that holds figures: the public one of shares or of signed shares, else a round one from 0 or below. */
export function rangeOf(values: readonly number[]): Interval {
  const finite = values.filter((value) => Number.isFinite(value));
  const [least, most] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  if (least >= 0 && most <= 1)
    return { low: 0, high: most <= 0.1 ? roundUp(most) || 1 : most <= 0.5 && least === 0 ? roundUp(most) : 1 };
  if (least >= -1 && most <= 1) {
    const reach = Math.max(-least, most);
    const end = reach <= 0.5 ? roundUp(reach) : 1;
    return { low: -end, high: end };
  }
  return { low: least < 0 ? -roundUp(-least) : 0, high: roundUp(most) };
}

/** The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return Number((factor * power).toPrecision(6));
}

/** "0.741 to 0.802", or "exact". */
export function intervalText(figure: ReportFigure): string {
  const { low, high } = intervalOf(figure);
  return low === high ? 'exact' : `${numberText(low)} to ${numberText(high)}`;
}

/** The end of a scale, short. */
export function endText(value: number): string {
  return String(Number(value.toPrecision(3))).replace('-', '−');
}
