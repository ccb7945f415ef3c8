import { SottoError } from '@sotto/shared/errors';
import { inputWidth, type DataSchema } from '@sotto/shared/plan';
import { createInputEncoder } from '../data/row-encoder.ts';

/** One row by column name; null or an empty text means that the value is missing. */
export type RowRecord = Readonly<Record<string, string | number | null>>;

/**
 * Encodes rows as training encoded them, float64 [rows, inputs] of float32 values. Target and unit may stand in a record; they
 * are not read.
 *
 * @throws {DATA_INVALID} naming the row and the column: one that the schema does not know or the record lacks, a value that is
 * missing without a fill value, no number, outside its range, or no category.
 */
export function encodeRecords(schema: DataSchema, records: readonly RowRecord[]): Float64Array {
  const names = schema.columns.map(({ name }) => name);
  const known = new Set([...names, schema.target.column, ...(schema.unitId === null ? [] : [schema.unitId])]);
  const encoder = createInputEncoder(schema, names);
  const width = inputWidth(schema);
  const inputs = new Float32Array(records.length * width);
  records.forEach((record, row) => {
    const fail = (reason: string): never => {
      throw new SottoError('DATA_INVALID', `row ${row + 1}: ${reason}`);
    };
    const unknown = Object.keys(record).filter((name) => !known.has(name));
    if (unknown.length > 0) fail(`the schema "${schema.name}" has no column ${unknown.slice(0, 10).join(', ')}`);
    const absent = names.filter((name) => !Object.hasOwn(record, name));
    if (absent.length > 0) fail(`lacks ${absent.slice(0, 10).join(', ')}; null says that a value is missing`);
    const encoded = encoder.encode(
      names.map((name) => String(record[name] ?? '')),
      inputs,
      row * width,
    );
    if (!encoded.ok) fail(encoded.rule);
  });
  return Float64Array.from(inputs);
}
