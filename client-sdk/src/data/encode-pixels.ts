import { SottoError } from '@sotto/shared/errors';
import type { PixelsColumn } from '@sotto/shared/plan';
import type { Cell } from './row-source.ts';

/**
 * Writes an image's inputs, [height, width, channels] row-major, to `inputs` at `offset`.
 *
 * Nothing is resized and no colour turned to grey: how that is done would differ from device to device, and with it what is learned.
 *
 * @returns the rule that the row breaks where there is no image; null otherwise.
 * @throws {DATA_INVALID} when the image has another size, is in colour where grey is asked for, or is not opaque.
 */
export function encodePixels(column: PixelsColumn, cell: Cell, inputs: Float32Array, offset: number): string | null {
  const { name, width, height, channels, centre, scale } = column;
  if (cell === '') return `${name}: the image is missing`;
  if (typeof cell !== 'object') {
    throw new SottoError(
      'DATA_INVALID',
      `${name}: the schema asks for an image and the table holds a ${typeof cell === 'number' ? 'number' : 'text'}; ` +
        'give the folder that has the images and their labels',
    );
  }
  if (cell.width !== width || cell.height !== height) {
    throw new SottoError(
      'DATA_INVALID',
      `${name}: the image has ${cell.width} × ${cell.height} pixels, the schema asks for ${width} × ${height}; bring all to this size`,
    );
  }
  const { data } = cell;
  let at = offset;
  for (let pixel = 0; pixel < data.length; pixel += 4) {
    const red = data[pixel]!;
    if (data[pixel + 3] !== 255)
      throw new SottoError('DATA_INVALID', `${name}: the image is not opaque; save it without transparency`);
    if (channels === 3) {
      inputs[at++] = (red - centre) / scale;
      inputs[at++] = (data[pixel + 1]! - centre) / scale;
      inputs[at++] = (data[pixel + 2]! - centre) / scale;
    } else if (data[pixel + 1] === red && data[pixel + 2] === red) inputs[at++] = (red - centre) / scale;
    else
      throw new SottoError(
        'DATA_INVALID',
        `${name}: the image is in colour, the schema asks for one channel; save it in grey`,
      );
  }
  return null;
}
