import { SottoError } from '@sotto/shared/errors';
import type { DataSchema } from '@sotto/shared/plan';

/**
 * A table from which rows are read one after the other. A new kind of source is one file with a function that returns this; what a
 * row's cells mean is decided behind it, by the row encoder, so that the same table gives the same units from whatever it is read.
 */
export type RowSource = {
  /** What messages on the own screen call it: a file, an address without its password. */
  readonly name: string;
  /**
   * Reads all rows in their order.
   * @param columns - the columns that are wanted; nothing else of a row is read where the source can help it.
   * @returns each row's cells in the order of `columns`.
   * @throws {DATA_INVALID} when the source is damaged, or has no column of a wanted name.
   */
  rows(columns: readonly WantedColumn[]): AsyncIterable<Row>;
};

export type WantedColumn = { readonly name: string; readonly holds: 'value' | 'pixels' };

export type Row = readonly Cell[] | BrokenRow;

/** A row whose cells cannot be told apart; the rule in words names no value. */
export type BrokenRow = { readonly broken: string };

/** A text, a number, or an image; the empty text is a missing value. */
export type Cell = string | number | Pixels;

/** A decoded image. `ImageData` of a browser is one. */
export type Pixels = {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and alpha of each pixel, 0 to 255; rows from the top. */
  readonly data: Uint8Array | Uint8ClampedArray;
};

/** Which columns a schema reads, each once: the inputs in order, the target, the unit's id. */
export function wantedColumns(schema: DataSchema): readonly WantedColumn[] {
  const wanted: WantedColumn[] = schema.columns.map(({ name, kind }) => ({
    name,
    holds: kind === 'pixels' ? 'pixels' : 'value',
  }));
  wanted.push({ name: schema.target.column, holds: 'value' });
  if (schema.unitId !== null) wanted.push({ name: schema.unitId, holds: 'value' });
  const names = new Set<string>();
  return wanted.filter(({ name }) => !names.has(name) && names.add(name));
}

/**
 * Where each wanted column stands in a header.
 * @throws {DATA_INVALID} naming the columns that are missing, or one that stands there twice.
 */
export function placesIn(header: readonly string[], columns: readonly WantedColumn[]): readonly number[] {
  const places = new Map<string, number>();
  header.forEach((name, index) => {
    if (places.has(name)) throw new SottoError('DATA_INVALID', `header: the column "${name}" stands there twice`);
    places.set(name, index);
  });
  const missing = columns.filter(({ name }) => !places.has(name)).map(({ name }) => name);
  if (missing.length > 0) throw columnsMissing(missing, header);
  // Every name that is asked for was found above.
  return columns.map(({ name }) => places.get(name)!);
}

/** @param header - the columns that are there. */
export function columnsMissing(missing: readonly string[], header: readonly string[]): SottoError {
  const separator = header.length === 1 && /[;\t]/.test(header[0] ?? '') ? '; cells must be separated by commas' : '';
  return new SottoError(
    'DATA_INVALID',
    `the schema asks for ${missing.length === 1 ? 'a column' : 'columns'} that the table lacks: ` +
      `${listed(missing)}; the table has ${listed(header)}${separator}`,
    { missing },
  );
}

/** The first of some names, in words. */
export function listed(names: readonly string[], most = 10): string {
  return `${names.slice(0, most).join(', ')}${names.length > most ? `, and ${names.length - most} more` : ''}`;
}

/**
 * A value of a typed table as a cell; null where it is no single value. Texts lose the white space around them, so that
 * an id means the same patient in whatever form the table comes. What a number or truth value would be in a CSV file, it is here.
 */
export function cellOf(value: unknown): string | number | null {
  switch (typeof value) {
    case 'string':
      return value.trim();
    case 'number':
      return value;
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'undefined':
      return '';
    default:
      if (value === null) return '';
      return value instanceof Date ? dateText(value) : null;
  }
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/**
 * A cell that holds several values, or one that no table holds.
 * @param place - the row or line, in words.
 */
export function notOneValue(column: string, place: string): SottoError {
  return new SottoError(
    'DATA_INVALID',
    `${place}, column ${column}: expected one text, number or truth value, got a list, an object or bytes; give each its own column`,
  );
}
