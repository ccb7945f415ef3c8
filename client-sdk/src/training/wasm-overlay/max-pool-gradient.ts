import type * as Tf from '@tensorflow/tfjs-core';
import { floatOffset, heapOf, type ComposedKernel } from './kernel.ts';

/**
 * Derivative of a 2d maximum pooling by its input: dy goes to the first of a window's largest values, as on cpu.
 *
 * tfjs's own kernel begins its search at the smallest positive float instead of -∞: a window without a positive value sends its
 * part of dy to the first pixel of the first image, without an error.
 */
export const maxPoolGradient: ComposedKernel = ({ tf, backend }, inputs, attrs) => {
  const { dy, input } = inputs as { dy: Tf.TensorInfo; input: Tf.TensorInfo };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as Tf.MaxPoolGradAttrs;
  const shape = input.shape as [number, number, number, number];
  const geometry = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  const { batchSize, inChannels, inHeight, inWidth, outHeight, outWidth, padInfo } = geometry;
  const { effectiveFilterHeight: height, effectiveFilterWidth: width, strideHeight, strideWidth } = geometry;
  const dx = backend.makeOutput(input.shape, 'float32');
  const heap = heapOf(backend, dx);
  const [from, to] = [floatOffset(backend, input), floatOffset(backend, dx)];
  let slope = floatOffset(backend, dy);
  heap.fill(0, to, to + batchSize * inHeight * inWidth * inChannels);
  for (let image = 0; image < batchSize; image++) {
    for (let y = 0; y < outHeight; y++) {
      const top = y * strideHeight - padInfo.top;
      const [firstRow, lastRow] = [Math.max(0, top), Math.min(inHeight, top + height)];
      for (let x = 0; x < outWidth; x++) {
        const left = x * strideWidth - padInfo.left;
        const [firstColumn, lastColumn] = [Math.max(0, left), Math.min(inWidth, left + width)];
        for (let channel = 0; channel < inChannels; channel++, slope++) {
          let largest = Number.NEGATIVE_INFINITY;
          let place = -1;
          for (let row = firstRow; row < lastRow; row++) {
            let at = ((image * inHeight + row) * inWidth + firstColumn) * inChannels + channel;
            for (let column = firstColumn; column < lastColumn; column++, at += inChannels) {
              const value = heap[from + at]!;
              if (value > largest) {
                largest = value;
                place = at;
              }
            }
          }
          // None, where all of a window is NaN.
          if (place >= 0) heap[to + place] = heap[to + place]! + heap[slope]!;
        }
      }
    }
  }
  return dx;
};
