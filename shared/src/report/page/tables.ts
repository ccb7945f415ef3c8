import { numberText } from '../number-text.ts';
import type { ReportFigure, ReportNamedFigure } from '../report-schema.ts';
import { endText, intervalOf, rangeOf, type Interval, intervalText } from './interval.ts';
import { markup, type Content, type Markup } from './markup.ts';
import { readingRow } from './reading.ts';

/** One line of a table of figures. */
export type FigureRow = {
  readonly label: Content;
  /** Below the label: the name in plan and JSON. */
  readonly code?: string;
  /** Below the label: how many stand behind it. */
  readonly note?: string;
  readonly named: ReportNamedFigure;
};

/** How a table of figures is drawn. */
export type FigureTableOptions = {
  readonly caption: string;
  /** One range for every row, so that rows compare; absent: each row's own. */
  readonly range?: Interval;
  /** A line from zero to the point: for what is more or less important. */
  readonly stem?: boolean;
  /** A line through every row: what all rows together come to. */
  readonly reference?: number | null;
  readonly head?: string;
};

/** Figures with value, interval and reading; a withheld one keeps its place and says why. */
export function figureTable(rows: readonly FigureRow[], options: FigureTableOptions): Markup {
  const { caption, head = 'Figure' } = options;
  return markup`<table class="figures" role="table">
    <caption>
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        <th role="columnheader" scope="col">${head}</th>
        <th role="columnheader" scope="col" class="number">Value</th>
        <th role="columnheader" scope="col" class="number">95 % interval</th>
        <th role="columnheader" scope="col">Drawn</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map((row) => figureRow(row, options))}
    </tbody>
  </table>`;
}

function figureRow({ label, code, note, named }: FigureRow, options: FigureTableOptions): Markup {
  const { name, figure, withheld, floor } = named;
  const head = markup`<th role="rowheader" scope="row">
    ${label}${code === undefined ? null : markup`<span class="name">${code}</span>`}${note === undefined ? null : markup`<span class="note">${note}</span>`}
  </th>`;
  if (figure === null) {
    return markup`<tr role="row" class="silent">
      ${head}
      <td role="cell" colspan="3" class="withheld">withheld: ${withheld ?? 'not told'}</td>
    </tr>`;
  }
  const { low, high } = intervalOf(figure);
  const range = options.range ?? rangeOf([figure.value, low, high, floor ?? 0]);
  const ends =
    options.range === undefined
      ? markup`<span class="ends"><span>${endText(range.low)}</span><span>${endText(range.high)}</span></span>`
      : null;
  return markup`<tr role="row">
    ${head}
    <td role="cell" class="number value">${numberText(figure.value)}</td>
    <td role="cell" class="number">${intervalText(figure)}${noiseText(figure)}</td>
    <td role="cell" class="drawn">${readingRow(name, figure, floor, range, options)}${ends}</td>
  </tr>`;
}

function noiseText({ noiseHalfWidth }: ReportFigure): Markup | null {
  return noiseHalfWidth > 0 ? markup`<span class="note">noise ± ${numberText(noiseHalfWidth)}</span>` : null;
}

/** A plain table: the data behind a chart, or facts. */
export function dataTable(caption: string, heads: readonly string[], rows: readonly (readonly Content[])[]): Markup {
  return markup`<div class="scroll" tabindex="0" role="group" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${heads.map((head) => markup`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first, ...rest]) =>
            markup`<tr>
              <th scope="row">${first ?? null}</th>
              ${rest.map((cell) => markup`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Facts with their names. */
export function facts(entries: readonly (readonly [string, Content])[]): Markup {
  return markup`<dl class="facts">
    ${entries.map(
      ([name, value]) =>
        markup`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}
