import { fromArrays, fromFile, fromImages, fromIndexedDb, fromIterable } from '../data/web.ts';
import type { ColumnArray, LabelledImage, ObjectStorePlace, RowSource } from '../data/web.ts';

/**
 * What a client is handed over, the same in a browser and in Node but for the address, which Node alone can read. Handed over as
 * plain values, because in a browser another thread reads them.
 *
 * | data | rows |
 * | --- | --- |
 * | `File`, `Blob` | CSV with a header line, or JSON lines where its name ends with .jsonl or .ndjson; read as a stream |
 * | `{ arrays }` | columns as arrays of one length |
 * | `{ images }` | objects with an image under the schema's column of pixels, and a label |
 * | `{ indexedDb }` | the objects of an IndexedDB object store |
 * | `{ rows }` | anything that gives objects one after the other: a list, a generator, an async iterator, or a function that makes one |
 * | a text | in Node: a file, a folder of images, or `postgres://…` |
 */
export type ClientData = SentData | { readonly rows: RowValues } | string;

export type RowValues = Iterable<unknown> | AsyncIterable<unknown> | (() => AsyncIterable<unknown>);

/** Data that can be sent to another thread as they are. */
export type SentData =
  | Blob
  | { readonly arrays: Readonly<Record<string, ColumnArray>> }
  | { readonly images: readonly LabelledImage[] }
  | { readonly indexedDb: ObjectStorePlace };

/** The rows of data, wherever they are read. */
export function sourceOf(data: Exclude<ClientData, string>): RowSource {
  if ('arrays' in data) return fromArrays(data.arrays);
  if ('images' in data) return fromImages(data.images);
  if ('indexedDb' in data) return fromIndexedDb(data.indexedDb);
  if ('rows' in data) return fromIterable(data.rows);
  return fromFile(data);
}
