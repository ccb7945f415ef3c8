import type { Column, DataSchema, Target } from '@sotto/shared/plan';
import { forEachRow } from './read-units.ts';
import { numberOf, textOf } from './row-encoder.ts';
import { createRowReader, type DataReport } from './row-reader.ts';
import { wantedColumns, type Cell, type RowSource } from './row-source.ts';

/** What a table holds, measured against its schema. For the own screen alone: nothing of it ever leaves. */
export type DataSurvey = {
  readonly report: DataReport;
  readonly columns: readonly ColumnSurvey[];
  readonly target: TargetSurvey;
  /** Id of each unit that takes part. */
  readonly unitIds: readonly string[];
};

/** Smallest and largest of some numbers. */
export type Span = { readonly min: number; readonly max: number };

/** Of all rows, also of those that are left out. */
export type ColumnSurvey =
  | {
      readonly kind: 'number';
      readonly name: string;
      readonly allowed: Span;
      /** Null where there is no number at all. */
      readonly found: Span | null;
      readonly missing: number;
      readonly notANumber: number;
      readonly outside: number;
    }
  | {
      readonly kind: 'category';
      readonly name: string;
      readonly rows: readonly { readonly value: string; readonly rows: number }[];
      readonly other: number;
    }
  | { readonly kind: 'pixels'; readonly name: string; readonly images: number; readonly missing: number };

/** Of the rows that take part. */
export type TargetSurvey =
  | {
      readonly kind: 'classes';
      readonly name: string;
      readonly rows: readonly { readonly value: string; readonly rows: number }[];
    }
  | { readonly kind: 'number'; readonly name: string; readonly allowed: Span; readonly found: Span | null };

/**
 * Reads all rows and keeps none.
 * @throws {DATA_INVALID | FILE_NOT_FOUND} and what else the source may throw.
 */
export async function surveyRows(source: RowSource, schema: DataSchema): Promise<DataSurvey> {
  const header = wantedColumns(schema).map(({ name }) => name);
  const reader = createRowReader(schema, header);
  const inputs = new Float32Array(reader.features);
  const columns = schema.columns.map((column) => ({ at: header.indexOf(column.name), counter: columnCounter(column) }));
  const target = targetCounter(schema.target);
  const targetAt = header.indexOf(schema.target.column);
  await forEachRow(source, schema, (row) => {
    const kept = reader.read(row, inputs, 0);
    if ('broken' in row) return;
    // The reader refuses a row of another length; every wanted column is in the header.
    for (const { at, counter } of columns) counter.add(row[at]!);
    if (kept !== null) target.add(row[targetAt]!);
  });
  return {
    report: reader.report(),
    columns: columns.map(({ counter }) => counter.survey()),
    target: target.survey(),
    unitIds: [...reader.units.ids()],
  };
}

type Counter<Survey> = { add(cell: Cell): void; survey(): Survey };

function columnCounter(column: Column): Counter<ColumnSurvey> {
  const { name } = column;
  switch (column.kind) {
    case 'number': {
      const { min, max } = column;
      const texts = new Set(['', ...column.missing]);
      const found = spanCounter();
      const counts = { missing: 0, notANumber: 0, outside: 0 };
      return {
        add(cell) {
          if (texts.has(textOf(cell))) counts.missing += 1;
          else {
            const number = numberOf(cell);
            if (number === null) counts.notANumber += 1;
            else found.add(number);
            if (number !== null && (number < min || number > max)) counts.outside += 1;
          }
        },
        survey: () => ({ kind: 'number', name, allowed: { min, max }, found: found.span(), ...counts }),
      };
    }
    case 'category': {
      const values = valueCounter(column.values);
      return {
        add: values.add,
        survey: () => ({ kind: 'category', name, rows: values.rows(), other: values.other() }),
      };
    }
    case 'pixels': {
      const counts = { images: 0, missing: 0 };
      return {
        add: (cell) => void (counts[cell === '' ? 'missing' : 'images'] += 1),
        survey: () => ({ kind: 'pixels', name, ...counts }),
      };
    }
  }
}

function targetCounter(target: Target): Counter<TargetSurvey> {
  const { column: name } = target;
  if (target.kind === 'number') {
    const { min, max } = target;
    const found = spanCounter();
    return {
      add: (cell) => found.add(numberOf(cell) ?? NaN),
      survey: () => ({ kind: 'number', name, allowed: { min, max }, found: found.span() }),
    };
  }
  const values = valueCounter(target.kind === 'binary' ? [target.negative, target.positive] : target.values);
  return { add: values.add, survey: () => ({ kind: 'classes', name, rows: values.rows() }) };
}

function spanCounter() {
  let span: Span | null = null;
  return {
    add(number: number): void {
      span =
        span === null
          ? { min: number, max: number }
          : { min: Math.min(span.min, number), max: Math.max(span.max, number) };
    },
    span: () => span,
  };
}

function valueCounter(values: readonly string[]) {
  const counts = new Map(values.map((value) => [value, 0]));
  let other = 0;
  return {
    add: (cell: Cell): void => {
      const text = textOf(cell);
      const count = counts.get(text);
      if (count === undefined) other += 1;
      else counts.set(text, count + 1);
    },
    rows: () => values.map((value) => ({ value, rows: counts.get(value) ?? 0 })),
    other: () => other,
  };
}
