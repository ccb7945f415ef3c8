import type * as Tf from '@tensorflow/tfjs-core';
import { floatOffset, freeing, heapOf, type ComposedKernel, type Stock } from './kernel.ts';

type Geometry = Tf.backend_util.Conv2DInfo;

/** Most floats of patches that lie in memory at once, 16 MiB of them. */
const patchFloats = 4_194_304;

/**
 * Derivative of a 2d convolution by its filter, which tfjs does not bring for wasm: the patches of the input that each filter
 * position sees are laid out as a matrix, and one XNNPACK product with dy sums over all of them,
 * dW[tap, channel, unit] = Σ over images and positions of patch[position, tap, channel] · dy[position, unit].
 *
 * For channels last; `[tap]` runs over the filter's rows and columns. Large layers go in pieces of whole output lines.
 */
export const convolutionFilterGradient: ComposedKernel = (stock, inputs, attrs) => {
  const { tf, backend, run } = stock;
  const { x, dy } = inputs as { x: Tf.TensorInfo; dy: Tf.TensorInfo };
  const given = attrs as unknown as Tf.Conv2DBackpropFilterAttrs;
  if (given.dataFormat !== 'NHWC' || x.dtype !== 'float32' || dy.dtype !== 'float32') return null;
  const { strides, pad, dimRoundingMode, filterShape } = given;
  const shape = x.shape as [number, number, number, number];
  const geometry = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad, dimRoundingMode);
  const { batchSize, filterHeight, filterWidth, inChannels, outChannels, outHeight, outWidth } = geometry;
  const width = filterHeight * filterWidth * inChannels;
  const lines = batchSize * outHeight;
  const atOnce = Math.max(1, Math.min(lines, Math.floor(patchFloats / (outWidth * width))));
  return freeing(backend, (own) => {
    let sum: Tf.TensorInfo | null = null;
    for (let first = 0; first < lines; first += atOnce) {
      const count = Math.min(atOnce, lines - first);
      const piece = own(pieceOf(stock, x, dy, geometry, first, count));
      sum = sum === null ? piece : own(run('Add', { a: sum, b: piece }));
    }
    // Without an image there is nothing to sum.
    if (sum === null)
      return backend.makeOutput(filterShape, 'float32', undefined, new Float32Array(width * outChannels));
    // The same memory once more, which then outlives its piece.
    return { ...run('Identity', { x: sum }), shape: filterShape };
  });
};

/**
 * Sum over `count` output lines, as [taps × channels, units]. XNNPACK packs the right side of a product anew each time, which
 * takes as long as multiplying, so that the narrower matrix stands there.
 */
function pieceOf(
  { backend, run }: Stock,
  x: Tf.TensorInfo,
  dy: Tf.TensorInfo,
  geometry: Geometry,
  first: number,
  count: number,
): Tf.TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels, outWidth } = geometry;
  const width = filterHeight * filterWidth * inChannels;
  const positions = count * outWidth;
  return freeing(backend, (own) => {
    const product = (a: Tf.TensorInfo, b: Tf.TensorInfo): Tf.TensorInfo => run('BatchMatMul', { a, b }, upright);
    const turned = (info: Tf.TensorInfo): Tf.TensorInfo => own(run('Transpose', { x: info }, swap));
    const deltas = own(backend.makeOutput([positions, outChannels], 'float32'));
    const patches = own(backend.makeOutput([positions, width], 'float32'));
    // Only now: an allocation may move the heap.
    const heap = heapOf(backend, patches);
    const at = (info: Tf.TensorInfo): number => floatOffset(backend, info);
    // tfjs's Slice copies row by row; here a piece is one stretch of memory.
    const begin = at(dy) + first * outWidth * outChannels;
    heap.copyWithin(at(deltas), begin, begin + positions * outChannels);
    layPatches(heap, at(x), at(patches), { geometry, first, count });
    return width > outChannels
      ? product(turned(patches), deltas)
      : run('Transpose', { x: own(product(turned(deltas), patches)) }, swap);
  });
}

const upright = { transposeA: false, transposeB: false };
const swap = { perm: [1, 0] };

/** Writes the patches of some output lines, one after the other, from the images at `from` to `to`. */
function layPatches(
  heap: Float32Array,
  from: number,
  to: number,
  { geometry, first, count }: { readonly geometry: Geometry; readonly first: number; readonly count: number },
): void {
  const { filterHeight, filterWidth, inChannels, inHeight, inWidth, outHeight, outWidth, padInfo } = geometry;
  const across = filterWidth * inChannels;
  let target = to;
  for (let line = first; line < first + count; line++) {
    const image = from + Math.floor(line / outHeight) * inHeight * inWidth * inChannels;
    const top = (line % outHeight) * geometry.strideHeight - padInfo.top;
    for (let place = 0; place < outWidth; place++) {
      const left = place * geometry.strideWidth - padInfo.left;
      // Columns of the filter that lie on the image.
      const begin = Math.max(0, -left);
      const end = Math.min(filterWidth, inWidth - left);
      for (let row = top; row < top + filterHeight; row++, target += across) {
        if (row < 0 || row >= inHeight || begin >= end) {
          heap.fill(0, target, target + across);
          continue;
        }
        if (begin > 0) heap.fill(0, target, target + begin * inChannels);
        const source = image + (row * inWidth + left) * inChannels;
        copyFloats(heap, target + begin * inChannels, source + begin * inChannels, (end - begin) * inChannels);
        if (end < filterWidth) heap.fill(0, target + end * inChannels, target + across);
      }
    }
  }
}

/** By a loop: a call to copy costs more than a hundred floats. */
function copyFloats(heap: Float32Array, target: number, source: number, length: number): void {
  for (let i = 0; i < length; i++) heap[target + i] = heap[source + i]!;
}
