import type { FeatureSpan } from '@sotto/shared/model';
import { columnWidth, inputWidth, type Column, type DataSchema } from '@sotto/shared/plan';

/** The inputs of each column, in the schema's order. */
export function featureSpans(schema: DataSchema): readonly FeatureSpan[] {
  let from = 0;
  return schema.columns.map((column) => {
    const span = { name: column.name, from, to: from + columnWidth(column) };
    from = span.to;
    return span;
  });
}

/** Every input as a feature of its own: for images and for rows that no schema encoded. */
export function singleSpans(inputs: number): readonly FeatureSpan[] {
  return Array.from({ length: inputs }, (_, input) => ({ name: String(input), from: input, to: input + 1 }));
}

/** Sums over each feature's inputs: what a category's one-hot inputs were given is the category's. */
export function sumOverSpans(values: Float64Array, spans: readonly FeatureSpan[]): Float64Array {
  return Float64Array.from(spans, ({ from, to }) => values.subarray(from, to).reduce((sum, value) => sum + value, 0));
}

/**
 * The row that explanations start from where none is given, encoded [inputs]: each number at its fill value or else at its
 * centre, each category at none of its values, each channel of a pixel at its centre. It is made of the schema's public constants alone: a mean of local rows would
 * make the explanation tell of other people's data.
 */
export function schemaBaseline(schema: DataSchema): Float64Array {
  const baseline = new Float64Array(inputWidth(schema));
  featureSpans(schema).forEach(({ from }, index) => {
    const column = schema.columns[index]!;
    if (column.kind === 'number' && column.fill !== null) baseline[from] = encodedNumber(column, column.fill);
  });
  return baseline;
}

/** What a number column's value becomes. */
export function encodedNumber(column: Extract<Column, { kind: 'number' }>, raw: number): number {
  return Math.fround(((column.transform === 'log1p' ? Math.log1p(raw) : raw) - column.centre) / column.scale);
}

/** The value that a column's inputs stand for, to six digits; null for a category at none of its values, and for an image. */
export function decodedValue(column: Column, inputs: Float64Array, from: number): number | string | null {
  if (column.kind === 'category') {
    const place = column.values.findIndex((_, index) => inputs[from + index]! > 0.5);
    return column.values[place] ?? null;
  }
  if (column.kind === 'pixels') return null;
  const scaled = inputs[from]! * column.scale + column.centre;
  return Number((column.transform === 'log1p' ? Math.expm1(scaled) : scaled).toPrecision(6));
}
