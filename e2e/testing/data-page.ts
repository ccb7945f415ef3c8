import { dataSchemaSchema } from '@sotto/shared/plan';
import {
  fromArrays,
  fromFile,
  fromImages,
  fromIndexedDb,
  fromIterable,
  readUnits,
  type RowSource,
} from '../../client-sdk/src/data/web.ts';

// As far as this page uses them: tests are typed without the browser's library.
type Opening = {
  readonly result: { createObjectStore(name: string, options: object): { add(value: unknown): void }; close(): void };
  onupgradeneeded: () => void;
  onsuccess: () => void;
  onerror: () => void;
};
declare const indexedDB: { open(name: string): Opening; databases(): Promise<readonly { readonly name: string }[]> };
declare function createImageBitmap(image: Blob): Promise<{ width: number; height: number; close(): void }>;
declare const ImageData: new (data: Uint8ClampedArray, width: number, height: number) => object;
declare const OffscreenCanvas: new (
  width: number,
  height: number,
) => {
  getContext(kind: '2d'): { putImageData(image: object, x: number, y: number): void };
  convertToBlob(): Promise<Blob>;
};

/** What a page is given to read: one table as CSV and as objects, and images as their pixels (red, green, blue, alpha). */
export type PageData = {
  readonly schema: unknown;
  readonly csv: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly imageSchema: unknown;
  readonly images: readonly { readonly width: number; readonly height: number; readonly pixels: readonly number[] }[];
};

/** What it read, by source: the units, or the code of what went wrong. */
export type PageTables = Readonly<
  Record<
    string,
    | { readonly unitIds: readonly string[]; readonly inputs: readonly number[]; readonly targets: readonly number[] }
    | string
  >
>;

async function readAll({ schema, csv, rows, imageSchema, images }: PageData): Promise<PageTables> {
  const files = await Promise.all(images.map(pngOf));
  const database = await fill(rows);
  const table: Readonly<Record<string, RowSource>> = {
    file: fromFile(new File([csv], 'table.csv')),
    lines: fromFile(new File([rows.map((row) => JSON.stringify(row)).join('\n')], 'table.jsonl')),
    arrays: fromArrays(
      Object.fromEntries(Object.keys(rows[0] ?? {}).map((name) => [name, rows.map((row) => row[name] as string)])),
    ),
    iterator: fromIterable(async function* () {
      yield* rows;
    }),
    indexedDb: fromIndexedDb({ database, store: 'visits' }),
    noStore: fromIndexedDb({ database, store: 'nothing' }),
    noDatabase: fromIndexedDb({ database: 'nobody', store: 'visits' }),
  };
  const labelled = files.map((image, index) => ({ label: index === 0 ? 'a' : 'b', image }));
  const bitmaps = Promise.all(
    labelled.map(async ({ label, image }) => ({ label, image: await createImageBitmap(image) })),
  );
  const pictures: Readonly<Record<string, RowSource>> = {
    imageFiles: fromImages(labelled),
    imageBitmaps: fromImages(await bitmaps),
    noImage: fromImages([{ label: 'a', image: new Blob(['no image']) }]),
  };
  const read = async (source: RowSource, by: unknown): Promise<PageTables[string]> => {
    try {
      const { batch, unitIds } = await readUnits(source, dataSchemaSchema.parse(by));
      return { unitIds, inputs: [...batch.inputs], targets: [...batch.targets] };
    } catch (error) {
      return String((error as { code?: string }).code);
    }
  };
  const answers: Record<string, PageTables[string]> = {};
  for (const [name, source] of Object.entries(table)) answers[name] = await read(source, schema);
  for (const [name, source] of Object.entries(pictures)) answers[name] = await read(source, imageSchema);
  // A name that was only asked for must not be there afterwards.
  answers['databases'] = (await indexedDB.databases()).map(({ name }) => name).join();
  return answers;
}

/** A PNG file of these pixels. */
function pngOf({ width, height, pixels }: PageData['images'][number]): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d').putImageData(new ImageData(Uint8ClampedArray.from(pixels), width, height), 0, 0);
  return canvas.convertToBlob();
}

/** Puts the rows into an object store, and says in which database. */
function fill(rows: readonly unknown[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('clinic');
    opening.onupgradeneeded = () => {
      const store = opening.result.createObjectStore('visits', { autoIncrement: true });
      for (const row of rows) store.add(row);
    };
    opening.onerror = () => reject(new Error('IndexedDB'));
    opening.onsuccess = () => {
      opening.result.close();
      resolve('clinic');
    };
  });
}

Object.assign(globalThis, { readAll });
