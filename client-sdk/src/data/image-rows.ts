import { SottoError } from '@sotto/shared/errors';
import { isPixels, objectCells } from './object-rows.ts';
import type { Pixels, RowSource } from './row-source.ts';

/** What stands for an image: decoded pixels, a bitmap, or the bytes of a file. `ImageData`, `ImageBitmap`, `Blob` and `File` are such. */
export type ImageValue = Pixels | Bitmap | ImageFile;

/** An image and its label: a key for each column of the schema. */
export type LabelledImage = Readonly<Record<string, ImageValue | string | number | boolean | null | undefined>>;

/** `ImageBitmap`, as far as it is used here. */
type Bitmap = { readonly width: number; readonly height: number; close(): void };

/** `Blob`, as far as it is used here. */
type ImageFile = { readonly type: string; arrayBuffer(): Promise<ArrayBuffer> };

/** What a browser has to decode and read images with; typed here, since the package is built for Node as well. */
type ImagePlatform = {
  createImageBitmap?(image: unknown, options: object): Promise<Bitmap>;
  OffscreenCanvas?: new (
    width: number,
    height: number,
  ) => {
    getContext(
      kind: '2d',
      options: object,
    ): { drawImage(image: unknown, x: number, y: number): void; getImageData(...area: number[]): Pixels } | null;
  };
};

/** Images with labels, decoded one at a time by the browser. */
export function imageRows(name: string, images: Iterable<LabelledImage> | AsyncIterable<LabelledImage>): RowSource {
  return {
    name,
    async *rows(columns) {
      const cells = objectCells(columns);
      let row = 0;
      for await (const image of images) {
        const place = `row ${++row}`;
        const decoded: Record<string, unknown> = { ...image };
        for (const { name: column, holds } of columns) {
          if (holds === 'pixels') decoded[column] = await pixelsOf(image[column], `${place}, column ${column}`);
        }
        yield cells.of(decoded, place);
      }
      cells.end();
    },
  };
}

async function pixelsOf(value: unknown, place: string): Promise<unknown> {
  if (isPixels(value) || typeof value !== 'object' || value === null) return value;
  const platform = globalThis as ImagePlatform;
  const isFile = 'arrayBuffer' in value;
  if (!isFile && !('close' in value)) return value;
  if (platform.OffscreenCanvas === undefined || platform.createImageBitmap === undefined) {
    throw new SottoError('UNSUPPORTED', 'this platform decodes no images; pass decoded pixels (width, height, data)');
  }
  let bitmap: Bitmap;
  try {
    // As the file says: no turning to a colour space of the screen, and no turning by a camera's note either.
    bitmap = isFile
      ? await platform.createImageBitmap(value, {
          colorSpaceConversion: 'none',
          premultiplyAlpha: 'none',
          imageOrientation: 'none',
        })
      : (value as unknown as Bitmap);
  } catch {
    throw new SottoError('DATA_INVALID', `${place}: the file is no image that this browser can decode`);
  }
  try {
    const { width, height } = bitmap;
    const context = new platform.OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (context === null) throw new SottoError('UNSUPPORTED', 'this browser gives no canvas to read images with');
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  } finally {
    // A bitmap that was passed in is its owner's.
    if (isFile) bitmap.close();
  }
}
