import { SottoError } from '@sotto/shared/errors';
import { cellOf, notOneValue, placesIn, type Cell, type Pixels, type RowSource } from './row-source.ts';
import { isPixels } from './object-rows.ts';

/** A column's values in the order of the rows. */
export type ColumnArray = ArrayLike<string | number | bigint | boolean | Date | Pixels | null | undefined>;

/**
 * A table whose columns are arrays.
 * @throws {INVALID_INPUT} when the arrays have different lengths.
 */
export function arrayRows(name: string, columns: Readonly<Record<string, ColumnArray>>): RowSource {
  const entries = Object.entries(columns);
  const rows = entries[0]?.[1].length ?? 0;
  for (const [column, values] of entries) {
    if (values.length !== rows) {
      throw new SottoError(
        'INVALID_INPUT',
        `${name}: column ${column} has ${values.length} values, ${entries[0]?.[0]} has ${rows}; give every column one for each row`,
      );
    }
  }
  return {
    name,
    async *rows(wanted) {
      const places = placesIn(
        entries.map(([column]) => column),
        wanted,
      );
      // Places come from these entries.
      const arrays = places.map((place) => entries[place]![1]);
      for (let row = 0; row < rows; row++) {
        yield wanted.map(({ name: column, holds }, index): Cell => {
          const value = arrays[index]![row];
          if (holds === 'pixels' && isPixels(value)) return value;
          const cell = cellOf(value);
          if (cell === null) throw notOneValue(column, `row ${row + 1}`);
          return cell;
        });
      }
    },
  };
}
