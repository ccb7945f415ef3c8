import { SottoError } from '@sotto/shared/errors';
import type { FeatureSpan, ImageShape } from '@sotto/shared/model';
import { requireWidth, type ScalarOutput } from '@sotto/shared/judging';

/**
 * What the output loses where a feature is put back to its baseline, one feature at a time: output(row) - output(without it).
 * @returns [features].
 * @see Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks", §4.2.
 */
export function occludeFeatures(
  output: ScalarOutput,
  input: Float64Array,
  baseline: Float64Array,
  spans: readonly FeatureSpan[],
): Float64Array {
  const groups = spans.map(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
  return occludeGroups(output, input, baseline, groups);
}

/**
 * Occlusion map of an image: a square patch at its baseline is moved over it, and each pixel is given the mean loss of the
 * patches that covered it. Patches that would stand out are cut at the edge.
 *
 * @param size - side of the patch, pixels.
 * @param stride - pixels from one patch to the next, at most `size`, so that none is left out.
 * @returns row-major [height, width]; in the output's unit, positive where the output leans on what is there.
 * @see Zeiler, Fergus 2014, §4.2.
 * @throws {INVALID_INPUT} when shape and row do not fit, or patch or stride are not whole or out of range.
 */
export function occlusionMap(
  output: ScalarOutput,
  input: Float64Array,
  baseline: Float64Array,
  shape: ImageShape,
  size: number,
  stride = size,
): Float64Array {
  const { height, width, channels } = shape;
  if (height * width * channels !== output.inputs) {
    throw new SottoError(
      'INVALID_INPUT',
      `image: ${height}×${width}×${channels} are ${height * width * channels} inputs, the model has ${output.inputs}`,
    );
  }
  requireWhole('patch', size, Math.max(height, width));
  requireWhole('stride', stride, size);
  const patches: number[][] = [];
  for (let top = 0; top < height; top += stride) {
    for (let left = 0; left < width; left += stride) {
      const pixels: number[] = [];
      for (let y = top; y < Math.min(height, top + size); y++) {
        for (let x = left; x < Math.min(width, left + size); x++) pixels.push(y * width + x);
      }
      patches.push(pixels);
    }
  }
  const inputsOf = (pixels: readonly number[]): number[] =>
    pixels.flatMap((pixel) => Array.from({ length: channels }, (_, channel) => pixel * channels + channel));
  const lost = occludeGroups(output, input, baseline, patches.map(inputsOf));
  const map = new Float64Array(height * width);
  const covers = new Float64Array(height * width);
  patches.forEach((pixels, patch) => {
    for (const pixel of pixels) {
      map[pixel]! += lost[patch]!;
      covers[pixel]! += 1;
    }
  });
  return map.map((sum, pixel) => sum / covers[pixel]!);
}

function occludeGroups(
  output: ScalarOutput,
  input: Float64Array,
  baseline: Float64Array,
  groups: readonly (readonly number[])[],
): Float64Array {
  const { inputs } = output;
  requireWidth('row', input, inputs);
  requireWidth('baseline', baseline, inputs);
  const rows = new Float64Array((groups.length + 1) * inputs);
  rows.set(input);
  groups.forEach((group, i) => {
    rows.set(input, (i + 1) * inputs);
    for (const place of group) rows[(i + 1) * inputs + place] = baseline[place]!;
  });
  const values = output.value(rows, groups.length + 1);
  return Float64Array.from(groups, (_, i) => values[0]! - values[i + 1]!);
}

function requireWhole(what: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new SottoError('INVALID_INPUT', `${what}: expected 1 to ${most} pixels, got ${value}`);
  }
}
