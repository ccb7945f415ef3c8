import { encodedNumber, type InputColumn } from '../model/index.ts';
import { columnWidth, type Column, type DataSchema } from './data-schema.ts';

/** The columns of a schema as the model's inputs have them, in order. */
export function inputColumns({ columns }: DataSchema): readonly InputColumn[] {
  const known = encodedBefore.get(columns) ?? encodedColumns(columns);
  encodedBefore.set(columns, known);
  return known;
}

/** Every look at a slot of a plan asks for them, many times a round. Kept no longer than the columns themselves, which nobody changes. */
const encodedBefore = new WeakMap<DataSchema['columns'], readonly InputColumn[]>();

function encodedColumns(columns: DataSchema['columns']): readonly InputColumn[] {
  let from = 0;
  return columns.map((column) => {
    const span = { name: column.name, from, to: from + columnWidth(column) };
    from = span.to;
    return { ...span, ...encodedRange(column) };
  });
}

function encodedRange(column: Column): Omit<InputColumn, 'name' | 'from' | 'to'> {
  const plain = { values: null, fill: null, scaling: null, image: null, missing: 0 };
  switch (column.kind) {
    case 'category':
      return { ...plain, kind: 'category', values: column.values, low: 0, high: 1 };
    case 'pixels': {
      const { centre, scale, height, width, channels } = column;
      const encoded = (value: number): number => Math.fround((value - centre) / scale);
      return { ...plain, kind: 'pixels', low: encoded(0), high: encoded(255), image: { height, width, channels } };
    }
    case 'number': {
      const { transform, centre, scale } = column;
      const encoded = (raw: number): number => encodedNumber({ transform, centre, scale }, raw);
      const fill = column.fill === null ? null : encoded(column.fill);
      return {
        ...plain,
        kind: 'number',
        low: encoded(column.min),
        high: encoded(column.max),
        missing: fill ?? 0,
        fill,
        scaling: { transform, centre, scale },
      };
    }
  }
}
