import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSottoError } from '@sotto/shared/errors';
import { dataSchemaSchema } from '@sotto/shared/plan';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { encode as encodeJpeg } from 'jpeg-js';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUnits } from './read-units.ts';
import type { RowSource } from './row-source.ts';
import { booksBeside, numberedBy, rowsAt } from './sources.ts';
import type { UnitTable } from './unit-table.ts';
import { fromArrays, fromFile, fromImages, fromIterable } from './web.ts';

const schema = dataSchemaSchema.parse({
  name: 'patients',
  unitId: 'patient',
  columns: [
    { kind: 'number', name: 'age', min: 0, max: 120, centre: 50, scale: 10 },
    {
      kind: 'number',
      name: 'dose',
      min: 0,
      max: 100,
      transform: 'log1p',
      centre: 0,
      scale: 1,
      fill: 0,
      missing: ['-1'],
    },
    { kind: 'category', name: 'sex', values: ['f', 'm'] },
    { kind: 'category', name: 'smoker', values: ['true', 'false'], other: 'zeros' },
  ],
  target: { kind: 'classes', column: 'stage', values: ['0', '1', '2'] },
});

/** Rows as they are in a typed table: numbers, truth values, nulls; some break the schema. */
const rows = Array.from({ length: 60 }, (_, index) => ({
  patient: `p${(index * 7) % 23}`,
  age: index === 11 ? 130 : 20 + index * 1.25,
  dose: index % 5 === 0 ? null : index % 5 === 1 ? -1 : index / 3,
  sex: index === 17 ? 'x' : index % 2 === 0 ? 'f' : 'm',
  smoker: index % 3 === 0 ? null : index % 3 === 1,
  stage: index % 3,
  note: `not read, "${index}"`,
}));
type Name = keyof (typeof rows)[number];
const names: readonly Name[] = ['note', 'stage', 'smoker', 'sex', 'dose', 'age', 'patient'];
const quoted = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csv = [
  names.join(','),
  ...rows.map((row) => names.map((name) => quoted(String(row[name] ?? ''))).join(',')),
].join('\n');

let folder = '';
let expected: UnitTable;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-sources-'));
  expected = await readAt(await file('table.csv', csv));
});
afterAll(async () => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function readAt(address: string, query?: string): Promise<UnitTable> {
  return readUnits((await rowsAt(address, query)).source, schema);
}

/** Bit for bit: floats are compared as their integers. */
function sameUnits(table: UnitTable, other = expected): void {
  const bits = (values: Float32Array) => Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));
  expect(table.report).toEqual(other.report);
  expect(table.unitIds).toEqual(other.unitIds);
  expect(Array.from(table.batch.rowOffsets)).toEqual(Array.from(other.batch.rowOffsets));
  expect(bits(table.batch.inputs)).toEqual(bits(other.batch.inputs));
  expect(bits(table.batch.targets)).toEqual(bits(other.batch.targets));
}

async function failureOf(work: Promise<unknown>, code = 'DATA_INVALID'): Promise<string> {
  const failure = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ name: 'SottoError', code });
  return String(failure);
}

const read = (source: RowSource, by = schema) => readUnits(source, by);

describe('the same table from another source', () => {
  it('has units and rows that break the schema, to begin with', () => {
    expect(expected.report).toMatchObject({ rows: 60, rowsKept: 58, units: 23 });
  });

  it('JSON lines: the same units, bit for bit', async () => {
    const lines = rows.map((row, index) =>
      // A key that is not there is null.
      JSON.stringify(
        index % 2 === 0 ? Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) : row,
      ),
    );
    sameUnits(await readAt(await file('table.jsonl', `${lines.join('\r\n')}\n\n`)));
    sameUnits(await read(fromFile(new File([lines.join('\n')], 'table.ndjson'))));
  });

  it('Parquet, in row groups of any codec', async () => {
    const column = <T>(name: Name, type: 'STRING' | 'DOUBLE' | 'BOOLEAN' | 'INT64', of: (value: unknown) => T) => ({
      name,
      type,
      data: rows.map((row) => (row[name] === null ? null : of(row[name]))) as never,
    });
    const columnData = [
      column('note', 'STRING', String),
      column('stage', 'INT64', (value) => BigInt(value as number)),
      column('smoker', 'BOOLEAN', Boolean),
      column('sex', 'STRING', String),
      column('dose', 'DOUBLE', Number),
      column('age', 'DOUBLE', Number),
      column('patient', 'STRING', String),
    ];
    for (const codec of ['SNAPPY', 'UNCOMPRESSED'] as const) {
      const bytes = parquetWriteBuffer({ columnData, rowGroupSize: 17, codec });
      sameUnits(await readAt(await file(`${codec}.parquet`, new Uint8Array(bytes))));
    }
  });

  it('a File of CSV, read as a stream of small pieces', async () => {
    sameUnits(await read(fromFile(new File([csv], 'table.csv'))));
    const bytes = new TextEncoder().encode(csv);
    const stream = async function* () {
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    };
    sameUnits(await read(fromFile({ stream })));
  });

  it('arrays, typed and plain', async () => {
    const list = <K extends Name>(name: K) => rows.map((row) => row[name]);
    sameUnits(
      await read(
        fromArrays({
          patient: list('patient'),
          age: Float64Array.from(list('age')),
          dose: list('dose'),
          sex: list('sex'),
          smoker: list('smoker'),
          stage: Uint8Array.from(list('stage')),
        }),
      ),
    );
  });

  it('objects of a list, and of an async iterator that is made anew each time', async () => {
    sameUnits(await read(fromIterable(rows)));
    const source = fromIterable(async function* () {
      yield* rows;
    });
    sameUnits(await read(source));
    sameUnits(await read(source));
  });
});

describe('images', () => {
  const size = { width: 5, height: 4 };
  const pixel = (image: number, at: number): number => (image * 37 + at * 11) % 256;
  const pixelsOf = (image: number) => Array.from({ length: 20 }, (_, at) => pixel(image, at));
  const imageSchema = dataSchemaSchema.parse({
    name: 'images',
    unitId: 'patient',
    columns: [{ kind: 'pixels', name: 'image', ...size, channels: 1, centre: 100, scale: 64 }],
    target: { kind: 'classes', column: 'label', values: ['a', 'b'] },
  });
  const rowOf = (image: number) => ({ patient: `p${image % 3}`, label: image % 2 === 0 ? 'a' : 'b' });

  function rgba(image: number): Buffer {
    return Buffer.from(pixelsOf(image).flatMap((value) => [value, value, value, 255]));
  }
  function png(image: number, of = size): Buffer {
    const made = new PNG(of);
    rgba(image).copy(made.data);
    return PNG.sync.write(made);
  }
  async function imageFolder(name: string, labels?: string): Promise<string> {
    const table = ['image,label,patient'];
    for (let image = 0; image < 7; image++) {
      await file(`${name}/${image % 2}/${image}.png`, png(image));
      table.push(`${image % 2}/${image}.png,${rowOf(image).label},${rowOf(image).patient}`);
    }
    await file(`${name}/labels.csv`, labels ?? table.join('\n'));
    return join(folder, name);
  }
  const readImages = async (address: string) => readUnits((await rowsAt(address)).source, imageSchema);

  it('of a folder are the same units as their pixels in a CSV file, bit for bit', async () => {
    const columns = Array.from({ length: 20 }, (_, at) => `p${at}`);
    const asTable = dataSchemaSchema.parse({
      ...imageSchema,
      columns: columns.map((name) => ({ kind: 'number', name, min: 0, max: 255, centre: 100, scale: 64 })),
    });
    const lines = Array.from({ length: 7 }, (_, image) =>
      [...Object.values(rowOf(image)), ...pixelsOf(image)].join(','),
    );
    const table = await readUnits(
      (await rowsAt(await file('pixels.csv', [`patient,label,${columns.join(',')}`, ...lines].join('\n')))).source,
      asTable,
    );
    const fromFolder = await readImages(await imageFolder('images'));
    sameUnits(fromFolder, table);
    const decoded = Array.from({ length: 7 }, (_, image) => ({
      ...rowOf(image),
      image: { ...size, data: new Uint8ClampedArray(rgba(image)) },
    }));
    sameUnits(await readUnits(fromImages(decoded), imageSchema), table);
    sameUnits(await readUnits(fromIterable(decoded), imageSchema), table);
  });

  it('in colour give their channels innermost, JPEG ones too', async () => {
    const data = Buffer.alloc(16 * 16 * 4, 255);
    for (let at = 0; at < data.length; at += 4) data.set([200, 100, 50], at);
    const address = join(folder, 'jpeg');
    await file('jpeg/a.jpg', encodeJpeg({ width: 16, height: 16, data }, 100).data);
    await file('jpeg/labels.csv', 'image,label,patient\na.jpg,a,p');
    const inColour = dataSchemaSchema.parse({
      ...imageSchema,
      columns: [{ kind: 'pixels', name: 'image', width: 16, height: 16, channels: 3, centre: 0, scale: 1 }],
    });
    const { batch } = await readUnits((await rowsAt(address)).source, inColour);
    expect(batch.features).toBe(16 * 16 * 3);
    for (let at = 0; at < batch.inputs.length; at++) {
      expect(Math.abs(batch.inputs[at]! - [200, 100, 50][at % 3]!)).toBeLessThanOrEqual(2);
    }
  });

  it('are refused by name: no image, wrong size, colour, transparency, no label, no file, outside the folder', async () => {
    const broken = await imageFolder('broken');
    await file('broken/0/2.png', 'no image at all');
    expect(await failureOf(readImages(broken))).toContain('0/2.png: is neither a PNG nor a JPEG');
    await file('broken/0/2.png', png(2).subarray(0, 60));
    expect(await failureOf(readImages(broken))).toContain('0/2.png: cannot be read as PNG');
    await file('broken/0/2.png', png(2, { width: 4, height: 5 }));
    expect(await failureOf(readImages(broken))).toMatch(/row 3.*4 × 5 pixels.*5 × 4/);
    const image = new PNG(size);
    image.data.fill(255).fill(7, 0, 1);
    await file('broken/0/2.png', PNG.sync.write(image));
    expect(await failureOf(readImages(broken))).toContain('in colour');
    image.data.fill(255).fill(0, 3, 4);
    await file('broken/0/2.png', PNG.sync.write(image));
    expect(await failureOf(readImages(broken))).toContain('not opaque');

    expect(await failureOf(readImages(await imageFolder('few', 'image,label,patient\n0/0.png,a,p')))).toContain(
      '6 images have no row',
    );
    const lost = await imageFolder('lost', 'image,label,patient\n0/8.png,a,p');
    expect(await failureOf(readImages(lost))).toMatch(/row 1: there is no image "0\/8\.png"/);
    const away = await imageFolder('away', 'image,label,patient\n../images/0/0.png,a,p');
    expect(await failureOf(readImages(away))).toContain('outside the folder');
    expect(await failureOf(readUnits((await rowsAt(join(folder, 'table.csv'))).source, imageSchema))).toContain(
      'image, label',
    );
    const texts = await file('texts.csv', 'image,label,patient\n0.png,a,p');
    expect(await failureOf(readUnits((await rowsAt(texts)).source, imageSchema))).toContain('give the folder');
    await rm(join(lost, 'labels.csv'));
    expect(await failureOf(readImages(lost), 'FILE_NOT_FOUND')).toContain('labels.csv');
  });
});

describe('bad input', () => {
  it('JSON lines: names the line that is none, what is no object, and a column that no line has', async () => {
    const broken = await failureOf(readAt(await file('a.jsonl', '{"age":1}\n\n{"secret')));
    expect(broken).toContain('line 3');
    expect(broken).not.toContain('secret');
    expect(await failureOf(readAt(await file('b.jsonl', '[1]\n')))).toContain('line 1: expected an object');
    const { dose: _, ...without } = rows[0]!;
    expect(await failureOf(readAt(await file('c.jsonl', JSON.stringify(without))))).toContain('lacks: dose');
    const nested = { ...rows[0]!, age: [1] };
    expect(await failureOf(readAt(await file('d.jsonl', JSON.stringify(nested))))).toMatch(
      /line 1, column age.*got a list/,
    );
  });

  it('text in another encoding', async () => {
    expect(
      await failureOf(readAt(await file('latin1.csv', Buffer.from(csv.replace('p7', 'p\xe4'), 'latin1')))),
    ).toContain('UTF-8');
  });

  it('Parquet: names columns that are missing or nested, and a file that is none', async () => {
    const write = (columnData: never) => new Uint8Array(parquetWriteBuffer({ columnData }));
    const some = write([{ name: 'age', type: 'DOUBLE', data: [1, 2] }] as never);
    expect(await failureOf(readAt(await file('some.parquet', some)))).toMatch(
      /lacks: dose, sex, smoker, stage, patient/,
    );
    expect(await failureOf(readAt(await file('none.parquet', 'nothing')))).toContain('cannot be read as Parquet');
    const nested = parquetWriteBuffer({
      columnData: ['patient', 'age', 'dose', 'sex', 'smoker', 'stage'].map((name) => ({
        name,
        data: [[1], [2]],
      })) as never,
      schema: [
        { name: 'root', num_children: 6 },
        ...['patient', 'age', 'dose', 'sex', 'smoker', 'stage'].flatMap((name) => [
          { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          { name: 'element', type: 'INT32', repetition_type: 'OPTIONAL' },
        ]),
      ] as never,
    });
    expect(await failureOf(readAt(await file('nested.parquet', new Uint8Array(nested))))).toContain('is nested');
  });

  it('arrays of different lengths, iterators of what is no row', async () => {
    expect(() => fromArrays({ a: [1, 2], b: [1] })).toThrow('column b has 1 values');
    expect(await failureOf(read(fromArrays({ age: [1] })))).toContain('lacks');
    expect(await failureOf(read(fromIterable([rows[0], 5])))).toContain('rows, row 2: expected an object');
  });

  it('addresses of no known kind, queries where none belongs, passwords in addresses', async () => {
    const text = await file('table.xyz', csv);
    expect(await failureOf(rowsAt(text), 'INVALID_INPUT')).toContain('.parquet');
    expect(await failureOf(rowsAt(join(folder, 'nowhere.csv')), 'FILE_NOT_FOUND')).toContain('nowhere.csv');
    expect(await failureOf(rowsAt(join(folder, 'table.csv'), 'select 1'), 'INVALID_INPUT')).toContain('--query');
    expect(await failureOf(rowsAt('postgres://u@127.0.0.1/d'), 'INVALID_INPUT')).toContain('--query');
    const withPassword = await failureOf(rowsAt('postgres://u:hunter2@127.0.0.1/d', 'select 1'), 'INVALID_INPUT');
    expect(withPassword).toContain('PGPASSWORD');
    expect(withPassword).not.toContain('hunter2');
    expect(() => booksBeside('postgres://u@127.0.0.1/d')).toThrow('--data-source');
    expect(booksBeside('/data/images/')).toBe('/data/images.sotto');
    const { source } = await rowsAt('postgres://u@127.0.0.1:1/d', 'select 1');
    expect(isSottoError(await read(source).catch((error: unknown) => error), 'UNREACHABLE')).toBe(true);
    expect(() => numberedBy({ source, numberedBy: null })).toThrow('no lasting numbers');
  });
});
