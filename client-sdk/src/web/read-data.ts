import { sha256 } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import type { DataSchema } from '@sotto/shared/plan';
import { toHex } from '@sotto/shared/vector';
import { createUnitTable, type UnitTable } from '../data/unit-table.ts';
import type { ClientData } from '../client/data.ts';
import type { FileBeginning } from '../ledger/row-numbers.ts';

/** What a page hands over. */
export type WebData = Exclude<ClientData, string>;

export type ReadData = { readonly table: UnitTable; readonly beginning: FileBeginning };

/**
 * Reads a page's data.
 * @param known - what they began with when their row numbers were first relied on; null: nothing is on record, or no matter.
 * @throws {DATA_INVALID} when they are no CSV, lack a column, or rows that are known by their number have moved.
 */
export async function readData(data: WebData, schema: DataSchema, known: FileBeginning | null): Promise<ReadData> {
  const name = nameOf(data);
  const bytes = new Uint8Array(await data.arrayBuffer());
  if (known !== null && (bytes.length < known.bytes || hashOf(bytes.subarray(0, known.bytes)) !== known.hash)) {
    throw new SottoError(
      'DATA_INVALID',
      `${name}: its first ${known.bytes} bytes are not what they were, and without a column that names the unit each row is known ` +
        'by its number: bring the file back and add rows at its end only, or name such a column in the schema',
    );
  }
  const { parse } = await import('csv-parse/browser/esm/sync');
  let records: string[][];
  try {
    records = parse(new TextDecoder().decode(bytes), {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      record_delimiter: ['\r\n', '\n', '\r'],
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new SottoError('DATA_INVALID', `${name}: not a CSV file: ${code}`);
  }
  const [header, ...rows] = records;
  if (header === undefined) throw new SottoError('DATA_INVALID', `${name}: empty, a header line was expected`);
  const table = createUnitTable(schema, header);
  for (const row of rows) table.add(row);
  return { table: table.finish(), beginning: { bytes: bytes.length, hash: hashOf(bytes) } };
}

/** As messages name the data. */
export function nameOf(data: WebData): string {
  return 'name' in data && typeof data.name === 'string' ? data.name : 'the data';
}

function hashOf(bytes: Uint8Array): string {
  return toHex(sha256(bytes));
}
