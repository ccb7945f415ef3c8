import type { ColumnSurvey, DataSurvey, Span, TargetSurvey } from '../data/survey.ts';
import type { SplitCounts } from './dry-run.ts';

/** Values of a category or class that are listed. */
const valuesListed = 12;

/** Columns and classes of a table, in words. */
export function surveyWords({ columns, target }: Pick<DataSurvey, 'columns' | 'target'>): string {
  return [
    'Columns, over all rows:',
    ...columns.map((column) => `    ${columnWords(column)}`),
    'Target, over the rows that take part:',
    `    ${targetWords(target)}`,
  ].join('\n');
}

/** How many units each part has, or why that is not known. */
export function splitWords(counts: SplitCounts): string {
  switch (counts.by) {
    case 'books':
    case 'option': {
      const { train, validation, test } = counts.units;
      const why =
        counts.by === 'books'
          ? 'as the books have fixed it for good'
          : counts.key === 'books'
            ? 'if the first plan asks for this split'
            : 'if the first plan asks for this split; about, for the key of the split is not made yet';
      return `Units by part: ${train} train, ${validation} validate, ${test} test (${why})`;
    }
    case 'nothing':
      return 'Units by part: the first plan fixes the split; see what one would give with --split VALIDATION,TEST';
    case 'locked':
      return 'Units by part: not known, for a running node has the books';
  }
}

function columnWords(column: ColumnSurvey): string {
  const { name } = column;
  switch (column.kind) {
    case 'number':
      return listedWords(`${name}: ${spanWords(column.found)} of [${column.allowed.min}, ${column.allowed.max}]`, [
        [column.missing, 'missing'],
        [column.notANumber, 'not a number'],
        [column.outside, 'outside'],
      ]);
    case 'category':
      return listedWords(`${name}: ${countsWords(column.rows)}`, [[column.other, 'outside the list']]);
    case 'pixels':
      return listedWords(`${name}: ${column.images} images`, [[column.missing, 'missing']]);
  }
}

function targetWords(target: TargetSurvey): string {
  return target.kind === 'number'
    ? `${target.name}: ${spanWords(target.found)} of [${target.allowed.min}, ${target.allowed.max}]`
    : `${target.name}: ${countsWords(target.rows)}`;
}

function countsWords(rows: readonly { readonly value: string; readonly rows: number }[]): string {
  const listed = rows.slice(0, valuesListed).map(({ value, rows: count }) => `${count} × ${value}`);
  return `${listed.join(', ')}${rows.length > valuesListed ? `, and ${rows.length - valuesListed} more values` : ''}`;
}

function spanWords(span: Span | null): string {
  return span === null ? 'no number' : `${span.min} to ${span.max}`;
}

function listedWords(first: string, counts: readonly (readonly [number, string])[]): string {
  return [first, ...counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)].join(', ');
}
