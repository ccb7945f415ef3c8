import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { textFileAt, unreadable } from './node-files.ts';
import { listed, type Cell, type Pixels, type RowSource } from './row-source.ts';
import { csvRows } from './text-rows.ts';

/** The table beside the images: the name of each image's file, its label, and what else the schema reads. */
export const labelsFile = 'labels.csv';

const imageName = /\.(png|jpe?g)$/i;

/**
 * A folder of images (PNG, JPEG) and a `labels.csv` beside them, whose column of the image's name in the schema holds file names.
 * Images are read in the order of the labels, one at a time.
 *
 * @throws {FILE_NOT_FOUND} (when read) where the labels or a file cannot be read.
 * @throws {DATA_INVALID} (when read) where a label has no image, an image no label, or a file is no image.
 */
export function imageFolderRows(folder: string): RowSource {
  return {
    name: folder,
    async *rows(columns) {
      const labels = csvRows({ ...textFileAt(join(folder, labelsFile)), name: labelsFile });
      const images = columns.flatMap(({ holds }, index) => (holds === 'pixels' ? [index] : []));
      const unlabelled = new Set(await imagesIn(folder));
      let row = 0;
      for await (const cells of labels.rows(columns)) {
        row += 1;
        if ('broken' in cells || images.length === 0) {
          yield cells;
          continue;
        }
        const decoded: Cell[] = [...cells];
        for (const index of images) {
          const file = String(cells[index]);
          if (file === '') continue;
          unlabelled.delete(file);
          decoded[index] = await imageAt(folder, file, row);
        }
        yield decoded;
      }
      if (images.length > 0 && unlabelled.size > 0) {
        throw new SottoError(
          'DATA_INVALID',
          `${unlabelled.size === 1 ? 'an image has' : `${unlabelled.size} images have`} no row in ${labelsFile}: ` +
            `${listed([...unlabelled])}; add the labels, or take the images out of the folder`,
        );
      }
    },
  };
}

/** Names of the images below a folder, as labels name them: with slashes. */
async function imagesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => imageName.test(name)).map((name) => name.replaceAll('\\', '/'));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

async function imageAt(folder: string, file: string, row: number): Promise<Pixels> {
  if (!imageName.test(file)) {
    throw new SottoError('DATA_INVALID', `${labelsFile}, row ${row}: "${file}" is no name of a PNG or JPEG file`);
  }
  // A label names what lies in the folder, and nothing elsewhere on the machine.
  if (file.split(/[\\/]/).includes('..') || /^([\\/]|[a-z]:)/i.test(file)) {
    throw new SottoError('DATA_INVALID', `${labelsFile}, row ${row}: "${file}" lies outside the folder`);
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, file));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw unreadable(file, error);
    throw new SottoError(
      'DATA_INVALID',
      `${labelsFile}, row ${row}: there is no image "${file}"; add it, or take the row out`,
    );
  }
  return decode(bytes, file);
}

/** Largest image, in pixels: a small file may claim to be a very large one. */
const megapixelsMax = 16;

/** By the first bytes, not by the name. @throws {DATA_INVALID} when they are no image. */
async function decode(bytes: Buffer, file: string): Promise<Pixels> {
  const kind =
    bytes.subarray(0, 4).toString('latin1') === '\x89PNG'
      ? 'PNG'
      : bytes[0] === 0xff && bytes[1] === 0xd8
        ? 'JPEG'
        : null;
  if (kind === null) throw new SottoError('DATA_INVALID', `${file}: is neither a PNG nor a JPEG file`);
  try {
    if (kind === 'PNG') {
      if (bytes.readUInt32BE(16) * bytes.readUInt32BE(20) > megapixelsMax * 1e6)
        throw new RangeError('it is too large');
      const { PNG } = await import('pngjs');
      return PNG.sync.read(bytes);
    }
    const { decode: decodeJpeg } = await import('jpeg-js');
    return decodeJpeg(bytes, { useTArray: true, maxResolutionInMP: megapixelsMax });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SottoError('DATA_INVALID', `${file}: cannot be read as ${kind}: ${reason}`);
  }
}
