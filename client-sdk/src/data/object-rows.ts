import { SottoError } from '@sotto/shared/errors';
import {
  cellOf,
  columnsMissing,
  notOneValue,
  type Cell,
  type Pixels,
  type Row,
  type RowSource,
  type WantedColumn,
} from './row-source.ts';

/** Takes rows that come as objects apart. */
export type ObjectCells = {
  /**
   * @param place - where the object stands, for messages.
   * @throws {DATA_INVALID} when it is no object, or a wanted column holds more than one value.
   */
  of(value: unknown, place: string): Row;
  /** @throws {DATA_INVALID} when there were rows, and none of them had one of the columns. */
  end(): void;
};

/** For one reading of a table; a key that an object lacks, null and undefined are missing values. */
export function objectCells(columns: readonly WantedColumn[]): ObjectCells {
  const unseen = new Set(columns.map(({ name }) => name));
  let first: Readonly<Record<string, unknown>> | null = null;
  return {
    of(value, place) {
      if (!isRecord(value))
        throw new SottoError('DATA_INVALID', `${place}: expected an object with a key for each column`);
      first ??= value;
      return columns.map(({ name, holds }): Cell => {
        // Own keys alone: a column may be called `constructor`.
        if (!Object.hasOwn(value, name)) return '';
        if (unseen.size > 0) unseen.delete(name);
        const given = value[name];
        if (holds === 'pixels' && isPixels(given)) return given;
        const cell = cellOf(given);
        if (cell === null) throw notOneValue(name, place);
        return cell;
      });
    },
    end() {
      if (first !== null && unseen.size > 0) throw columnsMissing([...unseen], Object.keys(first));
    },
  };
}

/** The rows of anything that gives objects, each with a key for each column. */
export function objectRows(name: string, open: () => AsyncIterable<unknown> | Iterable<unknown>): RowSource {
  return {
    name,
    async *rows(columns) {
      const cells = objectCells(columns);
      let row = 0;
      for await (const value of open()) yield cells.of(value, `${name}, row ${++row}`);
      cells.end();
    },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is an image: `ImageData`, or what looks like it. */
export function isPixels(value: unknown): value is Pixels {
  if (!isRecord(value)) return false;
  const { width, height, data } = value;
  if (typeof width !== 'number' || typeof height !== 'number') return false;
  return (data instanceof Uint8Array || data instanceof Uint8ClampedArray) && data.length === width * height * 4;
}
