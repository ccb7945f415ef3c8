import { inputWidth, type Column, type DataSchema, type Target } from '@sotto/shared/plan';
import { SottoError } from '@sotto/shared/errors';

/** Turns one table row into model inputs, or names the rule that it breaks. */
export type RowEncoder = {
  readonly features: number;
  /**
   * Writes the row's inputs to `inputs` at `offset` and returns its unit and target.
   * @param cells - the row's texts in the order of the header.
   */
  encode(cells: readonly string[], inputs: Float32Array, offset: number): EncodedRow | BrokenRule;
};

/** Turns one row's cells into model inputs alone: what is to be predicted has no target yet. */
export type InputEncoder = {
  readonly features: number;
  /**
   * Writes the row's inputs to `inputs` at `offset`.
   * @param cells - the row's texts in the order of the header.
   */
  encode(cells: readonly string[], inputs: Float32Array, offset: number): { readonly ok: true } | BrokenRule;
};

export type EncodedRow = { readonly ok: true; readonly unitId: string | null; readonly target: number };

/** The rule in words, for the own screen: it names the column and the bound, never the row's value. */
export type BrokenRule = { readonly ok: false; readonly rule: string };

type Encode = (cell: string, inputs: Float32Array, at: number) => string | null;

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Prepares a schema for a table with that header.
 * @throws {DATA_INVALID} when a column of the schema is missing from the header, or the header names one twice.
 */
export function createRowEncoder(schema: DataSchema, header: readonly string[]): RowEncoder {
  const place = columnPlaces(schema, header, [
    ...schema.columns.map(({ name }) => name),
    schema.target.column,
    ...(schema.unitId === null ? [] : [schema.unitId]),
  ]);
  const columns = createInputEncoder(schema, header);
  const target = targetEncoder(schema.target);
  const targetPlace = place(schema.target.column);
  const unitPlace = schema.unitId === null ? null : place(schema.unitId);

  return {
    features: columns.features,
    encode(cells, inputs, offset) {
      const encoded = columns.encode(cells, inputs, offset);
      if (!encoded.ok) return encoded;
      const value = target(cells[targetPlace]!);
      if (typeof value === 'string') return { ok: false, rule: value };
      if (unitPlace === null) return { ok: true, unitId: null, target: value };
      const unitId = cells[unitPlace]!;
      return unitId === ''
        ? { ok: false, rule: `${schema.unitId}: the unit's id is missing` }
        : { ok: true, unitId, target: value };
    },
  };
}

/**
 * Prepares a schema's inputs for a table with that header, which needs neither target nor unit.
 * @throws {DATA_INVALID} when a column of the inputs is missing from the header, or the header names one twice.
 */
export function createInputEncoder(schema: DataSchema, header: readonly string[]): InputEncoder {
  const place = columnPlaces(
    schema,
    header,
    schema.columns.map(({ name }) => name),
  );
  let width = 0;
  const steps = schema.columns.map((column) => {
    const step = { place: place(column.name), at: width, encode: columnEncoder(column) };
    width += column.kind === 'number' ? 1 : column.values.length;
    return step;
  });
  return {
    features: inputWidth(schema),
    encode(cells, inputs, offset) {
      if (cells.length !== header.length)
        return { ok: false, rule: `a row has another number of cells than the header` };
      for (const step of steps) {
        const rule = step.encode(cells[step.place]!, inputs, offset + step.at);
        if (rule !== null) return { ok: false, rule };
      }
      return { ok: true };
    },
  };
}

function columnPlaces(
  schema: DataSchema,
  header: readonly string[],
  wanted: readonly string[],
): (name: string) => number {
  const places = new Map<string, number>();
  header.forEach((name, index) => {
    if (places.has(name)) throw new SottoError('DATA_INVALID', `header: the column "${name}" stands there twice`);
    places.set(name, index);
  });
  const missing = [...new Set(wanted)].filter((name) => !places.has(name));
  if (missing.length > 0) {
    const separator = header.length === 1 && /[;\t]/.test(header[0] ?? '') ? '; cells must be separated by commas' : '';
    throw new SottoError(
      'DATA_INVALID',
      `schema "${schema.name}" asks for ${missing.length === 1 ? 'a column' : 'columns'} that the table lacks: ` +
        `${missing.slice(0, 10).join(', ')}${missing.length > 10 ? `, and ${missing.length - 10} more` : ''}; ` +
        `the table has ${header.slice(0, 10).join(', ')}${header.length > 10 ? ', …' : ''}${separator}`,
      { missing },
    );
  }
  // Every name that is asked for was found above.
  return (name) => places.get(name)!;
}

function columnEncoder(column: Column): Encode {
  if (column.kind === 'category') {
    const places = new Map(column.values.map((value, index) => [value, index]));
    return (cell, inputs, at) => {
      inputs.fill(0, at, at + column.values.length);
      const place = places.get(cell);
      if (place !== undefined) inputs[at + place] = 1;
      else if (column.other === 'leaveOut') return `${column.name}: not one of the ${column.values.length} categories`;
      return null;
    };
  }
  const missing = new Set(['', ...column.missing]);
  const scaled = (raw: number): number =>
    ((column.transform === 'log1p' ? Math.log1p(raw) : raw) - column.centre) / column.scale;
  return (cell, inputs, at) => {
    if (missing.has(cell)) {
      if (column.fill === null) return `${column.name}: the value is missing and the schema has no fill value`;
      inputs[at] = scaled(column.fill);
      return null;
    }
    if (!decimal.test(cell)) return `${column.name}: not a number`;
    const raw = Number(cell);
    if (raw < column.min || raw > column.max) return `${column.name}: outside [${column.min}, ${column.max}]`;
    inputs[at] = scaled(raw);
    return Number.isFinite(inputs[at]!) ? null : `${column.name}: not a finite number after its transform`;
  };
}

/** The encoded target, or the rule that the text breaks. */
function targetEncoder(target: Target): (cell: string) => number | string {
  switch (target.kind) {
    case 'binary':
      return (cell) =>
        cell === target.positive
          ? 1
          : cell === target.negative
            ? 0
            : `${target.column}: neither of the two target values`;
    case 'classes': {
      const places = new Map(target.values.map((value, index) => [value, index]));
      return (cell) => places.get(cell) ?? `${target.column}: not one of the ${target.values.length} classes`;
    }
    case 'number':
      return (cell) => {
        if (!decimal.test(cell)) return `${target.column}: not a number`;
        const raw = Number(cell);
        return raw < target.min || raw > target.max
          ? `${target.column}: outside [${target.min}, ${target.max}]`
          : (raw - target.centre) / target.scale;
      };
  }
}
