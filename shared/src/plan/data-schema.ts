import { z } from 'zod';
import { parseStrictly } from './parse-strictly.ts';

const columnName = z.string().min(1).max(120);

/** A number, scaled by public constants: x' = (transform(x) - centre) / scale. */
export const numberColumnSchema = z.strictObject({
  kind: z.literal('number'),
  name: columnName,
  min: z.number(),
  max: z.number(),
  transform: z.enum(['identity', 'log1p']).default('identity'),
  centre: z.number(),
  scale: z.number().positive(),
  /** Raw value (before transform and scaling) that replaces a missing one; null: a row without the value is left out. */
  fill: z.number().nullable().default(null),
  /** Texts that mean "missing", besides the empty one. */
  missing: z.array(z.string()).max(20).default([]),
});

/** One of a list of texts, encoded one-hot in the order of the list. */
export const categoryColumnSchema = z.strictObject({
  kind: z.literal('category'),
  name: columnName,
  values: z.array(z.string()).min(1).max(1_000),
  /** What a text outside the list does: the row is left out, or it encodes to all zeros. */
  other: z.enum(['leaveOut', 'zeros']).default('leaveOut'),
});

/**
 * An image of a fixed size: one input for each pixel and channel, rows from the top, channels innermost ([height, width, channels]).
 * A channel's value is a whole number in [0, 255], scaled by public constants: x' = (value - centre) / scale.
 */
export const pixelsColumnSchema = z.strictObject({
  kind: z.literal('pixels'),
  name: columnName,
  width: z.int().min(1).max(1_024),
  height: z.int().min(1).max(1_024),
  /** 1: grey; 3: red, green, blue. */
  channels: z.literal([1, 3]),
  centre: z.number().default(127.5),
  scale: z.number().positive().default(127.5),
});
export type PixelsColumn = z.infer<typeof pixelsColumnSchema>;

export const columnSchema = z.discriminatedUnion('kind', [
  numberColumnSchema,
  categoryColumnSchema,
  pixelsColumnSchema,
]);
export type Column = z.infer<typeof columnSchema>;

export const targetSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('binary'), column: columnName, positive: z.string(), negative: z.string() }),
  z.strictObject({ kind: z.literal('classes'), column: columnName, values: z.array(z.string()).min(2).max(1_000) }),
  z.strictObject({
    kind: z.literal('number'),
    column: columnName,
    min: z.number(),
    max: z.number(),
    centre: z.number(),
    scale: z.number().positive(),
  }),
]);
export type Target = z.infer<typeof targetSchema>;

/**
 * What a table must look like, and how its rows become the model's inputs. Everything in it is public and fixed before data
 * are seen: statistics learned from data would be queries and cost budget.
 */
export const dataSchemaSchema = z.strictObject({
  name: z.string().min(1).max(120),
  /** Column that names the privacy unit (the patient); null: every row is a unit of its own, known by its row number. */
  unitId: columnName.nullable(),
  /** Inputs in order: number columns give one input, category columns one per value, images one per pixel and channel. */
  columns: z.array(columnSchema).min(1).max(2_000),
  target: targetSchema,
});
export type DataSchema = z.infer<typeof dataSchemaSchema>;

/** Number of model inputs that a schema gives. */
export function inputWidth(schema: DataSchema): number {
  return schema.columns.reduce((sum, column) => sum + columnWidth(column), 0);
}

/** Number of model inputs that a column gives. */
export function columnWidth(column: Column): number {
  switch (column.kind) {
    case 'number':
      return 1;
    case 'category':
      return column.values.length;
    case 'pixels':
      return column.width * column.height * column.channels;
  }
}

/** Number of model outputs that a target asks for. */
export function outputWidth(target: Target): number {
  return target.kind === 'classes' ? target.values.length : 1;
}

/** Texts of a target in the order of its classes; of a binary one the negative first. Empty for a number. */
export function classTexts(target: Target): readonly string[] {
  if (target.kind === 'number') return [];
  return target.kind === 'classes' ? target.values : [target.negative, target.positive];
}

/**
 * A data schema from JSON of unknown form, strictly.
 * @param root - what the faults call it, for example its file.
 * @throws {INVALID_INPUT} naming the path, what is expected and what is there.
 */
export function parseDataSchema(value: unknown, root = 'schema'): DataSchema {
  return parseStrictly(dataSchemaSchema, value, root, 'INVALID_INPUT');
}
