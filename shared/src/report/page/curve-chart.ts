import { numberText } from '../number-text.ts';
import type { ReportFigure } from '../report-schema.ts';
import { axes, chartFigure, round, scalesOf, seriesMark, ticksOf, type Scales } from './chart-frame.ts';
import { endText, intervalOf, rangeOf, samplingInterval, type Interval, intervalText } from './interval.ts';
import { markup, type Markup } from './markup.ts';
import { dataTable } from './tables.ts';

export type CurvePoint = { readonly x: number; readonly figure: ReportFigure | null; readonly withheld: string | null };

export type Curve = {
  readonly name: string;
  readonly series: 's1' | 's2' | 's3' | 's4';
  readonly points: readonly CurvePoint[];
};

export type CurveChart = {
  readonly title: string;
  readonly note?: string;
  readonly xName: string;
  readonly curves: readonly Curve[];
  /** Areas between two curves, by their names. */
  readonly gaps?: readonly { readonly between: readonly [string, string]; readonly tone: 'tint' | 'hatch' }[];
  /** Range of the values; absent: what holds them. */
  readonly y?: Interval;
};

/** Figures along an axis, with intervals at the marks; what is withheld leaves its place empty, and says so in the table. */
export function curveChart({ title, note, xName, curves, gaps = [], y: given }: CurveChart): Markup | null {
  const told = curves.flatMap(({ points }) =>
    points.flatMap(({ x, figure }) => (figure === null ? [] : [{ x, figure }])),
  );
  if (told.length === 0) return null;
  const xs = told.map(({ x }) => x);
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const x = least < most ? { low: least, high: most } : { low: least - 1, high: most + 1 };
  const y = given ?? cutRange(told.map(({ figure }) => figure));
  const scales = scalesOf(x, y);
  const few = curves.length <= 2;
  const ticks = ticksOf(x, 5)
    .filter((tick) => xName !== 'round' || Number.isInteger(tick))
    .map((tick) => [tick, endText(tick)] as const);
  return chartFigure({
    title,
    ...(note === undefined ? {} : { note }),
    summary: `${title}: ${curves.map(lastWords).join('; ')}.`,
    legend: curves.map(({ name, series }) => ({ name, series })),
    drawn: markup`${axes(x, y, ticks, xName)}${gaps.map((gap) => gapArea(gap, curves, scales))}
    ${curves.map((curve) => curveDrawn(curve, scales, few))}`,
    table: dataTable(
      `${title}, by ${xName}`,
      [xName, ...curves.flatMap(({ name }) => [name, '95 % interval'])],
      [...new Set(curves.flatMap(({ points }) => points.map((point) => point.x)))]
        .sort((a, b) => a - b)
        .map((at) => [endText(at), ...curves.flatMap(({ points }) => cells(points.find((point) => point.x === at)))]),
    ),
  });
}

function cells(point: CurvePoint | undefined): readonly string[] {
  if (point === undefined) return ['–', '–'];
  if (point.figure === null) return ['withheld', point.withheld ?? 'not told'];
  return [numberText(point.figure.value), intervalText(point.figure)];
}

/** All that a rate can be, or tenths around what there is; at least 0.3, so that noise is not drawn as drama. */
function cutRange(figures: readonly ReportFigure[]): Interval {
  const ends = figures.flatMap((figure) => Object.values(intervalOf(figure)).filter(Number.isFinite));
  const whole = rangeOf(ends);
  if (whole.low !== 0 || whole.high !== 1) return whole;
  const low = Math.floor(Math.min(...ends) * 10) / 10;
  const high = Math.ceil(Math.max(...ends) * 10) / 10;
  const short = Math.max(0, 0.3 - (high - low));
  const top = Math.min(1, high + short / 2);
  return { low: round(Math.max(0, Math.min(low, top - 0.3))), high: round(top) };
}

function curveDrawn({ series, points }: Curve, { x, y }: Scales, whiskers: boolean): Markup {
  const told = points.flatMap(({ x: at, figure }) => (figure === null ? [] : [{ at, figure }]));
  const path = told.map(({ at, figure }, index) => `${index === 0 ? 'M' : 'L'}${x(at)} ${y(figure.value)}`).join('');
  // Marks every so often, so that a long curve stays a curve.
  const every = Math.max(1, Math.ceil(told.length / 12));
  const marked = told.filter((_, index) => index % every === 0 || index === told.length - 1);
  const band = [
    ...told.map(({ at, figure }) => `${x(at)} ${y(intervalOf(figure).high)}`),
    ...told.toReversed().map(({ at, figure }) => `${x(at)} ${y(intervalOf(figure).low)}`),
  ];
  return markup`${whiskers || told.length < 2 ? null : markup`<path d="M${band.join('L')}Z" class="band ${series}" />`}
    <path d="${path}" class="curve ${series}" />
    ${whiskers ? marked.map(({ at, figure }) => whisker(x(at), figure, y, series)) : null}
    ${marked.map(({ at, figure }) => seriesMark(series, x(at), y(figure.value)))}`;
}

function whisker(x: number, figure: ReportFigure, y: Scales['y'], series: string): Markup {
  const [whole, sampling] = [intervalOf(figure), samplingInterval(figure)];
  return markup`<line x1="${x}" x2="${x}" y1="${y(whole.low)}" y2="${y(whole.high)}" class="thin ${series}" /><line
      x1="${x}"
      x2="${x}"
      y1="${y(sampling.low)}"
      y2="${y(sampling.high)}"
      class="thick ${series}"
    />`;
}

function gapArea(
  { between, tone }: NonNullable<CurveChart['gaps']>[number],
  curves: readonly Curve[],
  { x, y }: Scales,
): Markup | null {
  const [above, below] = between.map((name) => curves.find((curve) => curve.name === name));
  if (above === undefined || below === undefined) return null;
  const pairs = above.points.flatMap((a) => {
    const b = below.points.find((point) => point.x === a.x);
    return a.figure === null || b?.figure == null ? [] : [{ at: a.x, high: a.figure.value, low: b.figure.value }];
  });
  if (pairs.length < 2) return null;
  const edge = [
    ...pairs.map(({ at, high }) => `${x(at)} ${y(high)}`),
    ...pairs.toReversed().map(({ at, low }) => `${x(at)} ${y(low)}`),
  ];
  return markup`<path d="M${edge.join('L')}Z" class="gap ${tone}" />`;
}

function lastWords({ name, points }: Curve): string {
  const last = points.findLast(({ figure }) => figure !== null);
  return last?.figure == null ? `${name} is withheld` : `${name} ends at ${numberText(last.figure.value)}`;
}
