import { insideFloor, isRatio } from '../noise-floor.ts';
import { numberText } from '../number-text.ts';
import type { ReportFigure, ReportThreshold, Verdict } from '../report-schema.ts';
import { boundsOf, boundText } from '../verdict.ts';
import { endText, intervalOf, rangeOf, samplingInterval, type Interval } from './interval.ts';
import { markup, type Markup } from './markup.ts';

/** What a mark says: a verdict, nothing but a figure, or one that nobody can tell from noise. */
type Tone = Verdict | 'plain';

/**
 * A figure drawn: point, thick bar of sampling alone, thin whisker of sampling and noise, hatched noise floor. Positions are shares of the width, so it
 * fits any screen and its marks keep their form.
 */
export function readingRow(
  name: string,
  figure: ReportFigure,
  floor: number | null,
  range: Interval,
  options: { readonly stem?: boolean; readonly reference?: number | null } = {},
): Markup {
  const { stem = false, reference = null } = options;
  const told = !insideFloor(name, figure.value, floor);
  return markup`<svg class="reading" height="22" aria-hidden="true" focusable="false">
    ${scaleLine(range, 19)}${floorBand(name, floor, range, 3, 16)}
    ${reference === null ? null : vertical(reference, range, 0, 22, 'reference')}
    ${stem ? line({ low: Math.min(0, figure.value), high: Math.max(0, figure.value) }, range, 11, 'stem') : null}
    ${mark(figure, range, 11, told ? 'plain' : 'cannotTell')}
  </svg>`;
}

/** The reading of a threshold: asked side, threshold, interval and the mark of its verdict. */
export function thresholdReading(threshold: ReportThreshold): Markup {
  const { shown, floor, verdict } = threshold;
  const bounds = boundsOf(threshold);
  const range = thresholdRange(threshold);
  const asked = askedSide(threshold, range);
  const words = bounds.map(boundText).join(', ');
  return markup`<svg class="reading" height="50" role="img" aria-label="${readingWords(threshold)}">
    ${band(asked, range, 6, 22, 'asked')}${floorBand(threshold.figure, floor, range, 6, 22)} ${scaleLine(range, 28)}
    ${bounds.map(({ value }) => vertical(value, range, 2, 32, 'threshold'))}
    ${shown === null ? null : mark(shown, range, 17, verdict)}
    <text class="tick" x="${at(range.low, range)}" y="44">${endText(range.low)}</text>
    <text class="tick end" x="${at(range.high, range)}" y="44">${endText(range.high)}</text>
    ${bounds.map(({ value }) => markup`<text class="asks" x="${labelAt(value, range)}" y="44">plan: ${words}</text>`)[0] ?? null}
  </svg>`;
}

/** A verdict's silhouette, for the word beside it. */
export function verdictMark(verdict: Verdict): Markup {
  const inner = {
    met: markup`<circle cx="7" cy="7" r="6.5" class="fill met" /><path d="M4 7.2 6.2 9.4 10.2 4.8" class="glyph" />`,
    notMet: markup`<path d="M7 .3 13.7 7 7 13.7.3 7Z" class="fill notMet" /><path d="M5 5 9 9M9 5 5 9" class="glyph" />`,
    cannotTell: markup`<circle cx="7" cy="7" r="6" class="ring cannotTell" /><path
        d="M5.3 5.4a1.8 1.8 0 1 1 2.5 1.7q-.8.4-.8 1.2M7 10.2v.1"
        class="line cannotTell"
      />`,
    notMeasured: markup`<path d="M2 7h10" class="line cannotTell" />`,
  }[verdict];
  return markup`<svg class="verdict-mark" width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" focusable="false">
    ${inner}
  </svg>`;
}

/** A share of the width; what is outside of the range is put at its end. */
export function at(value: number, { low, high }: Interval): string {
  const share = high > low ? (Math.min(high, Math.max(low, value)) - low) / (high - low) : 0.5;
  return `${(2 + 96 * share).toFixed(2)}%`;
}

function mark(figure: ReportFigure, range: Interval, y: number, tone: Tone): Markup {
  const whole = intervalOf(figure);
  const sampling = samplingInterval(figure);
  const outside = whole.low < range.low || whole.high > range.high;
  return markup`<g class="mark ${tone}">
    ${line(whole, range, y, 'whisker')}${cap(whole.low, range, y)}${cap(whole.high, range, y)}${line(sampling, range, y, 'bar')}
    <svg x="${at(figure.value, range)}" y="${y}" class="open">${shape(tone)}</svg>
    ${outside ? markup`<svg x="${at(whole.high > range.high ? range.high : range.low, range)}" y="${y}" class="open"><path d="${whole.high > range.high ? 'M0-4 5 0 0 4Z' : 'M0-4-5 0 0 4Z'}" class="fill" /></svg>` : null}
  </g>`;
}

function shape(tone: Tone): Markup {
  switch (tone) {
    case 'notMet':
      return markup`<path d="M0-6.5 6.5 0 0 6.5-6.5 0Z" class="point" />`;
    case 'cannotTell':
    case 'notMeasured':
      return markup`<circle r="4.5" class="point hollow" />`;
    case 'met':
    case 'plain':
      return markup`<circle r="5" class="point" />`;
  }
}

function line({ low, high }: Interval, range: Interval, y: number, name: string): Markup {
  return markup`<line x1="${at(low, range)}" x2="${at(high, range)}" y1="${y}" y2="${y}" class="${name}" />`;
}

/** The end of a whisker, where it is within the range. */
function cap(value: number, range: Interval, y: number): Markup | null {
  return value < range.low || value > range.high ? null : vertical(value, range, y - 4, y + 4, 'whisker');
}

function vertical(value: number, range: Interval, from: number, to: number, name: string): Markup {
  return markup`<line x1="${at(value, range)}" x2="${at(value, range)}" y1="${from}" y2="${to}" class="${name}" />`;
}

function scaleLine(range: Interval, y: number): Markup {
  return markup`<line
      x1="2%"
      x2="98%"
      y1="${y}"
      y2="${y}"
      class="scale"
    />${range.low < 0 && range.high > 0 ? vertical(0, range, y - 3, y, 'scale') : null}`;
}

/** From 0 up to the floor of a gap; of a ratio, from 1 down to it. */
function floorBand(name: string, floor: number | null, range: Interval, from: number, to: number): Markup | null {
  if (floor === null || floor <= 0) return null;
  return band(isRatio(name) ? { low: floor, high: 1 } : { low: 0, high: floor }, range, from, to, 'floor');
}

function band(where: Interval | null, range: Interval, from: number, to: number, name: string): Markup | null {
  if (where === null) return null;
  const [left, right] = [parseFloat(at(where.low, range)), parseFloat(at(where.high, range))];
  return markup`<rect
    x="${left.toFixed(2)}%"
    width="${Math.max(0, right - left).toFixed(2)}%"
    y="${from}"
    height="${to - from}"
    class="${name}"
  />`;
}

function askedSide(threshold: ReportThreshold, range: Interval): Interval {
  return { low: threshold.atLeast ?? range.low, high: threshold.atMost ?? range.high };
}

/** Four half widths to either side of the threshold, within what a share can be. */
function thresholdRange({ shown, floor, atLeast, atMost }: ReportThreshold): Interval {
  const asked = [atLeast, atMost].filter((value) => value !== null);
  if (shown === null) return rangeOf([...asked, 1]);
  const { low, high } = intervalOf(shown);
  const all = [...asked, shown.value, low, high, floor ?? 0];
  const most = Math.max(...all.filter(Number.isFinite));
  // Room beyond the threshold; a share has none beyond 1.
  return rangeOf([...all, most <= 1 ? Math.min(1, most * 1.25) : most * 1.25]);
}

/** Keeps the label of a threshold off both ends. */
function labelAt(value: number, range: Interval): string {
  return `${Math.min(68, Math.max(32, parseFloat(at(value, range)))).toFixed(2)}%`;
}

function readingWords({ figure, shown, verdict, ...threshold }: ReportThreshold): string {
  const asked = boundsOf(threshold).map(boundText).join(' and ');
  if (shown === null) return `${figure}: asked is ${asked}; there is no figure.`;
  const { low, high } = intervalOf(shown);
  return `${figure} is ${numberText(shown.value)}, interval ${numberText(low)} to ${numberText(high)}; asked is ${asked}: ${verdict === 'notMet' ? 'not met' : verdict === 'met' ? 'met' : 'cannot tell'}.`;
}
