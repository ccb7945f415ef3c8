import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SottoError } from '@sotto/shared/errors';
import { selectUnits, type UnitBatch } from '@sotto/shared/model';
import { dataSchemaSchema } from '@sotto/shared/plan';
import type { BenchData } from '../accuracy/datasets.ts';

/** Pixels from 0 to 255, one column each, scaled to [0, 1] by a public constant. */
export const imageSchema = dataSchemaSchema.parse({
  name: 'digits of 28 × 28',
  unitId: 'image',
  columns: Array.from({ length: 784 }, (_, pixel) => ({
    kind: 'number',
    name: `p${pixel}`,
    min: 0,
    max: 255,
    centre: 0,
    scale: 255,
  })),
  target: { kind: 'classes', column: 'label', values: [...'0123456789'] },
});

type SplitFile = { readonly clients: readonly { readonly id: string; readonly train: number[] }[] };

/**
 * Digits in IDX files, divided among clients by a split file. Each client is handed an equal share of the test images, in the files'
 * order, for the bench alone.
 * @throws {FILE_NOT_FOUND} when the data are not on this machine.
 */
export async function loadImages(name: string, splitFile: string): Promise<BenchData> {
  const folder = folderOf(name);
  const train = readBatch(folder, 'train');
  const test = readBatch(folder, 't10k');
  const { clients } = JSON.parse(readFileSync(join(folder, splitFile), 'utf8')) as SplitFile;
  const share = test.units / clients.length;
  return {
    schema: imageSchema,
    clients: clients.map(({ id, train: own }, index) => ({
      name: id,
      train: selectUnits(train, own),
      test: selectUnits(
        test,
        Array.from({ length: test.units }, (_, unit) => unit).filter((unit) => Math.floor(unit / share) === index),
      ),
    })),
  };
}

function folderOf(name: string): string {
  const given = [process.env['SOTTO_DATA'], process.env['SOTTO_SHARED'] && join(process.env['SOTTO_SHARED'], 'data')];
  for (const folder of given) {
    if (folder !== undefined && folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  }
  throw new SottoError('FILE_NOT_FOUND', `${name}: not found; set SOTTO_DATA to the folder that holds it`);
}

function readBatch(folder: string, part: 'train' | 't10k'): UnitBatch {
  const pixels = readIdx(join(folder, `${part}-images-idx3-ubyte.gz`), 16);
  const labels = readIdx(join(folder, `${part}-labels-idx1-ubyte.gz`), 8);
  const rows = labels.length;
  return {
    units: rows,
    rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
    inputs: Float32Array.from(pixels, (value) => value / 255),
    features: 784,
    targets: Float32Array.from(labels),
  };
}

/** The bytes behind an IDX file's header. */
function readIdx(file: string, header: number): Uint8Array {
  return gunzipSync(readFileSync(file)).subarray(header);
}
