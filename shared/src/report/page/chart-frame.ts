import { endText, type Interval } from './interval.ts';
import { markup, type Markup } from './markup.ts';

/** Size of a chart in its own units: near the pixels of a phone's width, so that its text is readable there and on paper. */
const size = { width: 360, height: 220, left: 40, right: 10, top: 10, bottom: 34 } as const;

/** A chart: what it shows in a sentence for those who do not see it, and its data as a table behind it. */
export type Chart = {
  readonly title: string;
  readonly note?: string;
  /** What can be seen, as a sentence. */
  readonly summary: string;
  readonly legend?: readonly { readonly name: string; readonly series: string }[];
  readonly drawn: Markup;
  readonly table: Markup;
};

export function chartFigure({ title, note, summary, legend = [], drawn, table }: Chart): Markup {
  return markup`<figure class="chart">
    <figcaption>
      <h4>${title}</h4>
      ${note === undefined ? null : markup`<p class="note">${note}</p>`}
    </figcaption>
    ${
      legend.length === 0
        ? null
        : markup`<ul class="legend">
            ${legend.map(({ name, series }) => markup`<li>${legendKey(series)}${name}</li>`)}
          </ul>`
    }
    <svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${summary}">${drawn}</svg>
    <details>
      <summary>Table</summary>
      ${table}
    </details>
  </figure>`;
}

function legendKey(series: string): Markup {
  const drawn =
    series === 'positives' || series === 'negatives'
      ? markup`<rect x="6" y="2" width="14" height="8" class="column ${series}" />`
      : markup`<path d="M1 6H25" class="curve ${series}" />${seriesMark(series, 13, 6)}`;
  return markup`<svg class="key" width="26" height="12" viewBox="0 0 26 12" aria-hidden="true" focusable="false">
    ${drawn}
  </svg>`;
}

/** Positions of a chart's two axes. */
export type Scales = { readonly x: (value: number) => number; readonly y: (value: number) => number };

export function scalesOf(x: Interval, y: Interval): Scales {
  const { width, height, left, right, top, bottom } = size;
  const across = (value: number): number => share(value, x) * (width - left - right) + left;
  const up = (value: number): number => height - bottom - share(value, y) * (height - top - bottom);
  return { x: (value) => round(across(value)), y: (value) => round(up(value)) };
}

function share(value: number, { low, high }: Interval): number {
  return high > low ? (Math.min(high, Math.max(low, value)) - low) / (high - low) : 0.5;
}

/** Grid, ticks and names of the axes. */
export function axes(x: Interval, y: Interval, xTicks: readonly (readonly [number, string])[], xName: string): Markup {
  const scales = scalesOf(x, y);
  const { width, height, left, right, bottom } = size;
  const yTicks = ticksOf(y, 4);
  return markup`${yTicks.map((tick) => markup`<line x1="${left}" x2="${width - right}" y1="${scales.y(tick)}" y2="${scales.y(tick)}" class="grid" /><text x="${left - 6}" y="${scales.y(tick) + 4}" class="tick end">${endText(tick)}</text>`)}
    <line x1="${left}" x2="${width - right}" y1="${height - bottom}" y2="${height - bottom}" class="scale" />
    ${xTicks.map(([value, text]) => markup`<text x="${scales.x(value)}" y="${height - bottom + 14}" class="tick middle">${text}</text>`)}
    <text x="${width - right}" y="${height - 4}" class="tick end">${xName}</text>`;
}

/** Round values within a range, about so many. */
export function ticksOf({ low, high }: Interval, wanted: number): number[] {
  const rough = (high - low) / wanted;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(10)));
}

/** A series' mark; each has a form of its own, so that colour says nothing alone. */
export function seriesMark(series: string, x: number, y: number): Markup {
  const form = {
    s1: markup`<circle cx="${x}" cy="${y}" r="3.5" class="dot s1" />`,
    s2: markup`<path d="M${x} ${round(y - 4)}l4 7h-8Z" class="dot s2" />`,
    s3: markup`<rect x="${round(x - 3)}" y="${round(y - 3)}" width="6" height="6" class="dot s3" />`,
    s4: markup`<path d="M${x} ${round(y - 4.5)}l4.5 4.5-4.5 4.5-4.5-4.5Z" class="dot s4" />`,
  }[series];
  return form ?? markup``;
}

/** Where the plot ends. */
export const plotEnds = { left: size.left, right: size.width - size.right, bottom: size.height - size.bottom };

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
