import { countText, numberText } from '../number-text.ts';
import { axes, chartFigure, plotEnds, round, scalesOf, seriesMark } from './chart-frame.ts';
import { endText, roundUp } from './interval.ts';
import { markup, type Markup } from './markup.ts';
import { dataTable } from './tables.ts';

const z95 = 1.959963984540054;

export type BarSeries = {
  readonly name: string;
  readonly series: 'positives' | 'negatives' | 'plain';
  readonly counts: readonly number[];
};

/** Noisy counts by bin, with what noise alone does to each of them; bars from 0, those below it are none. */
export function histogramChart(options: {
  readonly title: string;
  readonly note: string;
  readonly xName: string;
  /** The name of each bin; edges of shares where absent. */
  readonly names?: readonly string[];
  readonly bars: readonly BarSeries[];
  readonly noiseStd: number;
}): Markup | null {
  const { title, note, xName, bars, noiseStd } = options;
  const bins = bars[0]?.counts.length ?? 0;
  if (bins === 0) return null;
  const noise = z95 * noiseStd;
  const top = roundUp(Math.max(1, ...bars.flatMap(({ counts }) => counts)) + noise) || 1;
  const [x, y] = [
    { low: 0, high: bins },
    { low: 0, high: top },
  ];
  const scales = scalesOf(x, y);
  const names =
    options.names ?? Array.from({ length: bins }, (_, bin) => `${endText(bin / bins)} to ${endText((bin + 1) / bins)}`);
  const ticks =
    options.names === undefined
      ? [0, 0.5, 1].map((share) => [share * bins, String(share)] as const)
      : names.map((name, bin) => [bin + 0.5, name.length > 8 ? `${name.slice(0, 7)}…` : name] as const);
  const width = 0.84 / bars.length;
  return chartFigure({
    title,
    note,
    summary: `${title}: ${bars.map(({ name, counts }) => `${name} most often in ${names[counts.indexOf(Math.max(...counts))] ?? 'none'}`).join('; ')}.`,
    legend: bars.length === 1 ? [] : bars.map(({ name, series }) => ({ name, series })),
    drawn: markup`${axes(x, y, ticks, xName)}${bars.map(({ series, counts }, which) =>
      counts.map((count, bin) => {
        const from = scales.x(bin + 0.08 + which * width);
        const wide = round(scales.x(bin + 0.08 + (which + 1) * width) - from);
        const middle = round(from + wide / 2);
        const high = scales.y(Math.max(0, count));
        return markup`<rect
            x="${from}"
            y="${high}"
            width="${Math.max(0.5, wide)}"
            height="${round(plotEnds.bottom - high)}"
            class="column ${series}"
          />${noise > 0 && bins <= 24 ? markup`<line x1="${middle}" x2="${middle}" y1="${scales.y(Math.max(0, count - noise))}" y2="${scales.y(Math.max(0, count + noise))}" class="error" />` : null}`;
      }),
    )}`,
    table: dataTable(
      title,
      [xName, ...bars.map(({ name }) => `${name}, noisy`)],
      names.map((name, bin) => [name, ...bars.map(({ counts }) => countText(counts[bin] ?? 0))]),
    ),
  });
}

/**
 * How often what was said came true, by how sure the model was. Bins in which noise and chance leave no more than ± 0.25 are drawn; the table has
 * the others too.
 */
export function reliabilityChart(options: {
  readonly positives: readonly number[];
  readonly negatives: readonly number[];
  readonly noiseStd: number;
  readonly xName: string;
}): Markup | null {
  const { noiseStd, xName } = options;
  const merged = mergedBins(options.positives, options.negatives);
  const bins = merged.map(({ from, to, positives, negatives, cells }) => {
    const count = positives + negatives;
    const rate = count > 0 ? Math.min(1, Math.max(0, positives / count)) : NaN;
    const sampling = Math.sqrt(Math.max(rate * (1 - rate), 0.25 / Math.max(1, count)) / count);
    const noise = (noiseStd * Math.sqrt(cells) * Math.hypot(1 - rate, rate)) / count;
    return {
      middle: (from + to) / 2,
      from,
      to,
      count,
      rate,
      sampling: z95 * sampling,
      whole: z95 * Math.hypot(sampling, noise),
    };
  });
  const told = bins.filter(({ whole, count }) => count > 0 && whole <= 0.25);
  if (told.length < 2) return null;
  const unit = { low: 0, high: 1 };
  const { x, y } = scalesOf(unit, unit);
  const path = told.map(({ middle, rate }, index) => `${index === 0 ? 'M' : 'L'}${x(middle)} ${y(rate)}`).join('');
  const shares = [0, 0.5, 1].map((share) => [share, String(share)] as const);
  return chartFigure({
    title: 'Calibration',
    note: 'dashed: as often as was said; thick sampling, thin with noise',
    summary: `Calibration: ${told.map(({ middle, rate }) => `of what was given ${middle.toFixed(2)}, ${rate.toFixed(2)} came true`).join('; ')}.`,
    drawn: markup`${axes(unit, unit, shares, xName)}<path d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}" class="reference" />
      ${told.map(({ middle, rate, sampling, whole }) => markup`<line x1="${x(middle)}" x2="${x(middle)}" y1="${y(rate - whole)}" y2="${y(rate + whole)}" class="thin s1" /><line x1="${x(middle)}" x2="${x(middle)}" y1="${y(rate - sampling)}" y2="${y(rate + sampling)}" class="thick s1" />`)}
      <path d="${path}" class="curve s1" />${told.map(({ middle, rate }) => seriesMark('s1', x(middle), y(rate)))}`,
    table: dataTable(
      'Calibration by bin',
      ['said', 'n, noisy', 'came true', '95 % half width'],
      bins.map(({ from, to, count, rate, whole }) => [
        `${endText(from)} to ${endText(to)}`,
        countText(count),
        Number.isNaN(rate) ? '–' : numberText(rate),
        Number.isFinite(whole) && count > 0 ? numberText(Math.min(1, whole)) : '–',
      ]),
    ),
  });
}

/** Ten bins at most: neighbours together. */
function mergedBins(positives: readonly number[], negatives: readonly number[]) {
  const bins = positives.length;
  const cells = Math.ceil(bins / 10);
  const sum = (counts: readonly number[], at: number): number =>
    counts.slice(at, at + cells).reduce((total, count) => total + count, 0);
  return Array.from({ length: Math.ceil(bins / cells) }, (_, index) => ({
    from: (index * cells) / bins,
    to: Math.min(1, ((index + 1) * cells) / bins),
    positives: sum(positives, index * cells),
    negatives: sum(negatives, index * cells),
    cells,
  }));
}
