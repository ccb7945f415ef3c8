import { columnWidth, inputWidth, type Column, type DataSchema, type Target } from '@sotto/shared/plan';
import { encodePixels } from './encode-pixels.ts';
import { placesIn, wantedColumns, type Cell } from './row-source.ts';

/** Turns one table row into model inputs, or names the rule that it breaks. */
export type RowEncoder = {
  readonly features: number;
  /**
   * Writes the row's inputs to `inputs` at `offset` and returns its unit and target.
   * @param cells - the row's cells in the order of the header.
   * @throws {DATA_INVALID} when an image is not as the schema says, or a cell is none where one should be.
   */
  encode(cells: readonly Cell[], inputs: Float32Array, offset: number): EncodedRow | BrokenRule;
};

export type EncodedRow = { readonly ok: true; readonly unitId: string | null; readonly target: number };

/** The rule in words, for the own screen: it names the column and the bound, never the row's value. */
export type BrokenRule = { readonly ok: false; readonly rule: string };

type Encode = (cell: Cell, inputs: Float32Array, at: number) => string | null;

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Prepares a schema for a table with that header.
 * @throws {DATA_INVALID} when a column of the schema is missing from the header, or the header names one twice.
 */
export function createRowEncoder(schema: DataSchema, header: readonly string[]): RowEncoder {
  const wanted = wantedColumns(schema);
  const places = placesIn(header, wanted);
  const placeOf = new Map(wanted.map(({ name }, index) => [name, places[index]!]));
  // Every name of the schema is among the wanted.
  const place = (name: string): number => placeOf.get(name)!;
  let width = 0;
  const steps = schema.columns.map((column) => {
    const step = { place: place(column.name), at: width, encode: columnEncoder(column) };
    width += columnWidth(column);
    return step;
  });
  const features = inputWidth(schema);
  const target = targetEncoder(schema.target);
  const targetPlace = place(schema.target.column);
  const unitPlace = schema.unitId === null ? null : place(schema.unitId);

  return {
    features,
    encode(cells, inputs, offset) {
      if (cells.length !== header.length)
        return { ok: false, rule: `a row has another number of cells than the header` };
      for (const step of steps) {
        const rule = step.encode(cells[step.place]!, inputs, offset + step.at);
        if (rule !== null) return { ok: false, rule };
      }
      const value = target(cells[targetPlace]!);
      if (typeof value === 'string') return { ok: false, rule: value };
      if (unitPlace === null) return { ok: true, unitId: null, target: value };
      const unitId = textOf(cells[unitPlace]!);
      return unitId === ''
        ? { ok: false, rule: `${schema.unitId}: the unit's id is missing` }
        : { ok: true, unitId, target: value };
    },
  };
}

function columnEncoder(column: Column): Encode {
  switch (column.kind) {
    case 'category': {
      const places = new Map(column.values.map((value, index) => [value, index]));
      return (cell, inputs, at) => {
        inputs.fill(0, at, at + column.values.length);
        const place = places.get(textOf(cell));
        if (place !== undefined) inputs[at + place] = 1;
        else if (column.other === 'leaveOut') {
          return `${column.name}: not one of the ${column.values.length} categories`;
        }
        return null;
      };
    }
    case 'number': {
      const missing = new Set(['', ...column.missing]);
      const scaled = (raw: number): number =>
        ((column.transform === 'log1p' ? Math.log1p(raw) : raw) - column.centre) / column.scale;
      return (cell, inputs, at) => {
        // A number is looked up as the text that it would be in a CSV file.
        if (cell === '' || (column.missing.length > 0 && missing.has(textOf(cell)))) {
          if (column.fill === null) return `${column.name}: the value is missing and the schema has no fill value`;
          inputs[at] = scaled(column.fill);
          return null;
        }
        const raw = numberOf(cell);
        if (raw === null) return `${column.name}: not a number`;
        if (raw < column.min || raw > column.max) return `${column.name}: outside [${column.min}, ${column.max}]`;
        inputs[at] = scaled(raw);
        return Number.isFinite(inputs[at]!) ? null : `${column.name}: not a finite number after its transform`;
      };
    }
    case 'pixels':
      return (cell, inputs, at) => encodePixels(column, cell, inputs, at);
  }
}

/** The encoded target, or the rule that the cell breaks. */
function targetEncoder(target: Target): (cell: Cell) => number | string {
  switch (target.kind) {
    case 'binary':
      return (cell) => {
        const text = textOf(cell);
        if (text === target.positive) return 1;
        return text === target.negative ? 0 : `${target.column}: neither of the two target values`;
      };
    case 'classes': {
      const places = new Map(target.values.map((value, index) => [value, index]));
      return (cell) => places.get(textOf(cell)) ?? `${target.column}: not one of the ${target.values.length} classes`;
    }
    case 'number':
      return (cell) => {
        const raw = numberOf(cell);
        if (raw === null) return `${target.column}: not a number`;
        return raw < target.min || raw > target.max
          ? `${target.column}: outside [${target.min}, ${target.max}]`
          : (raw - target.centre) / target.scale;
      };
  }
}

/** A cell as the text that it is, or would be, in a CSV file; an image has none. */
export function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : typeof cell === 'number' ? String(cell) : '';
}

/** A cell's finite number; null where it is none. */
export function numberOf(cell: Cell): number | null {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null;
  return typeof cell === 'string' && decimal.test(cell) ? Number(cell) : null;
}
