import type { DataSchema } from '@sotto/shared/plan';
import { featureSpans } from '../judging/features.ts';

/** Notices which columns are the same in every row that takes part, as the model is given them. */
export type ConstantColumns = {
  /** One row's encoded inputs, from an offset on. */
  see(inputs: Float32Array, offset: number): void;
  /** Names in the schema's order; none of a single row, of which nothing is told. */
  names(): readonly string[];
};

/**
 * A column that one owner never measured is one value in all of its rows, by a fill or by a code in the table. A model can learn from it whose
 * rows these are. Pictures are not watched: each of their borders is alike.
 */
export function watchConstantColumns(schema: DataSchema): ConstantColumns {
  let alike = featureSpans(schema).filter((_, index) => schema.columns[index]!.kind !== 'pixels');
  let first: Float32Array | null = null;
  let rows = 0;
  return {
    see(inputs, offset) {
      rows += 1;
      if (first === null) {
        const width = alike.at(-1)?.to ?? 0;
        first = inputs.slice(offset, offset + width);
        return;
      }
      const seen = first;
      const differs = alike.some(({ from, to }) => !same(seen, inputs, offset, from, to));
      if (differs) alike = alike.filter(({ from, to }) => same(seen, inputs, offset, from, to));
    },
    names: () => (rows < 2 ? [] : alike.map(({ name }) => name)),
  };
}

function same(first: Float32Array, inputs: Float32Array, offset: number, from: number, to: number): boolean {
  for (let input = from; input < to; input++) if (first[input] !== inputs[offset + input]) return false;
  return true;
}
