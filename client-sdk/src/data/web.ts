/**
 * Sources of rows for pages, and for anything else that has no files: nothing here, nor behind it, needs Node.
 *
 * @example
 * const table = await readUnits(fromFile(input.files[0]), schema);
 */
import { SottoError } from '@sotto/shared/errors';
import { arrayRows, type ColumnArray } from './array-rows.ts';
import { imageRows, type LabelledImage } from './image-rows.ts';
import { indexedDbRows, type ObjectStorePlace } from './indexed-db-rows.ts';
import { objectRows } from './object-rows.ts';
import type { RowSource } from './row-source.ts';
import { csvRows, jsonLinesRows } from './text-rows.ts';

export { readUnits } from './read-units.ts';
export type { RowSource } from './row-source.ts';
export type { DataReport } from './row-reader.ts';
export type { UnitTable } from './unit-table.ts';
export type { ColumnArray } from './array-rows.ts';
export type { ImageValue, LabelledImage } from './image-rows.ts';
export type { ObjectStorePlace } from './indexed-db-rows.ts';

/** A file that somebody chose in a page, or any other bytes; `File` of a browser is one, and so is a `Blob` of Node. */
export type ChosenFile = { readonly name?: string; stream(): AsyncIterable<Uint8Array> | ByteStream };

/** A stream of the platform, of which not every browser can be iterated. */
type ByteStream = {
  getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>; cancel(): Promise<void> };
};

/**
 * The rows of a CSV file (with a header line) or a JSON lines file (names that end with .jsonl or .ndjson), read as a stream.
 *
 * @example
 * const source = fromFile(input.files[0]);
 */
export function fromFile(file: ChosenFile, options: { readonly format?: 'csv' | 'jsonLines' } = {}): RowSource {
  const name = file.name ?? 'file';
  const format = options.format ?? (/\.(jsonl|ndjson)$/i.test(name) ? 'jsonLines' : 'csv');
  const text = { name, open: () => piecesOf(file.stream()) };
  return format === 'csv' ? csvRows(text) : jsonLinesRows(text);
}

/**
 * Columns as arrays of one length: typed arrays of numbers, or lists of texts, numbers, truth values and nulls.
 *
 * @example
 * const source = fromArrays({ age: new Float32Array([61, 45]), ill: ['yes', 'no'] });
 *
 * @throws {INVALID_INPUT} when the arrays have different lengths.
 */
export function fromArrays(columns: Readonly<Record<string, ColumnArray>>): RowSource {
  return arrayRows('arrays', columns);
}

/**
 * Images with their labels: each an object with a key for each column of the schema, the image under its own. An image is
 * `ImageData`, an `ImageBitmap`, or the bytes of a file (`File`, `Blob`) that the browser can decode. Nothing is resized.
 *
 * @example
 * const source = fromImages(files.map((file, index) => ({ image: file, label: labels[index] })));
 */
export function fromImages(images: Iterable<LabelledImage> | AsyncIterable<LabelledImage>): RowSource {
  return imageRows('images', images);
}

/**
 * The objects of an IndexedDB object store, in the order of their keys, some hundred at a time.
 *
 * @example
 * const source = fromIndexedDb({ database: 'clinic', store: 'visits' });
 *
 * @throws {NOT_FOUND} (when rows are read) where there is no such database or store; none is made.
 */
export function fromIndexedDb(place: ObjectStorePlace): RowSource {
  return indexedDbRows(place);
}

/**
 * Anything that gives objects with a key for each column, one after the other: a generator, an async iterator, a list. Read once
 * for each time that rows are asked for, so pass a function where the iterator can be used only once.
 *
 * @example
 * const source = fromIterable(async function* () {
 *   for await (const page of fetchPages()) yield* page;
 * });
 */
export function fromIterable(
  rows: Iterable<unknown> | AsyncIterable<unknown> | (() => AsyncIterable<unknown>),
): RowSource {
  return objectRows('rows', typeof rows === 'function' ? rows : () => rows);
}

async function* piecesOf(stream: AsyncIterable<Uint8Array> | ByteStream): AsyncGenerator<Uint8Array> {
  if (!('getReader' in stream)) {
    yield* stream;
    return;
  }
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (value !== undefined) yield value;
    }
  } catch (error) {
    if (error instanceof SottoError) throw error;
    throw new SottoError(
      'FILE_NOT_FOUND',
      `the file cannot be read any more (${error instanceof Error ? error.name : 'unknown'})`,
    );
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
