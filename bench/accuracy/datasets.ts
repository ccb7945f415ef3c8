import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCsv } from '@sotto/client/data';
import { SottoError } from '@sotto/shared/errors';
import { selectUnits, type UnitBatch } from '@sotto/shared/model';
import { dataSchemaSchema, type DataSchema } from '@sotto/shared/plan';

/** A federation's data with the experimenter's test rows, which no client holds. */
export type BenchData = {
  readonly schema: DataSchema;
  readonly clients: readonly { readonly name: string; readonly train: UnitBatch; readonly test: UnitBatch }[];
};

const examples = new URL('../../examples/', import.meta.url).pathname;

/** Where a data set lies: shipped with the examples, or in the folder that SOTTO_DATA (or SOTTO_SHARED/data) names. */
export function dataFolder(name: string): string | null {
  const folders = [
    join(examples, name),
    process.env['SOTTO_DATA'],
    process.env['SOTTO_SHARED'] && join(process.env['SOTTO_SHARED'], 'data'),
  ]
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => (String(folder).endsWith(name) ? String(folder) : join(String(folder), name)));
  return folders.find((folder) => existsSync(join(folder, 'data.csv'))) ?? null;
}

type SplitFile = {
  readonly clients: readonly { readonly id: string; readonly train: number[]; readonly test: number[] }[];
};

/**
 * A data set with one of its fixed splits.
 * @throws {FILE_NOT_FOUND} when the data are not on this machine.
 */
export async function loadBenchData(name: string, schemaFolder: string, splitFile: string): Promise<BenchData> {
  const folder = dataFolder(name);
  if (folder === null)
    throw new SottoError('FILE_NOT_FOUND', `${name}/data.csv: not found; set SOTTO_DATA to the folder that holds it`);
  const schema = dataSchemaSchema.parse(JSON.parse(readFileSync(join(examples, schemaFolder, 'schema.json'), 'utf8')));
  const table = await readCsv(join(folder, 'data.csv'), schema);
  const unitOf = new Map(table.unitIds.map((id, unit) => [id, unit]));
  const pick = (rows: readonly number[]): UnitBatch =>
    selectUnits(
      table.batch,
      rows.map((row) => {
        const unit = unitOf.get(String(row));
        if (unit === undefined)
          throw new SottoError('DATA_INVALID', `${name}: row ${row} of the split is not in the table`);
        return unit;
      }),
    );
  const split = JSON.parse(readFileSync(join(folder, splitFile), 'utf8')) as SplitFile;
  return {
    schema,
    clients: split.clients.map(({ id, train, test }) => ({ name: id, train: pick(train), test: pick(test) })),
  };
}

/** All rows of some batches, one after the other. */
export function joinBatches(batches: readonly UnitBatch[]): UnitBatch {
  const features = batches[0]?.features ?? 0;
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const inputs = new Float32Array(rows * features);
  const targets = new Float32Array(rows);
  let row = 0;
  for (const batch of batches) {
    inputs.set(batch.inputs, row * features);
    targets.set(batch.targets, row);
    row += batch.rows;
  }
  return {
    units: rows,
    rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, i) => i),
    inputs,
    targets,
    features,
  };
}
