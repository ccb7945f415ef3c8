import type { Padding } from './topology.ts';

/** How a window moves over a row's [height, width, channels]; one dimension is a height of 1. */
export type SlidingWindow = {
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  /** Of the width, and of the height where it is above 1. */
  readonly stride: number;
  /** Rows and columns of padding before the first; there may be more after the last. */
  readonly padTop: number;
  readonly padLeft: number;
  readonly outHeight: number;
  readonly outWidth: number;
};

/**
 * A square window over [steps, channels] or [height, width, channels]. With padding `same` there are ⌈inputs ⁄ stride⌉ outputs an
 * axis and the padding that this takes lies around the input, the odd one after it, as TensorFlow has it; with `valid` the window
 * stays within the input, and there are none where it does not fit.
 */
export function slidingWindow(shape: readonly number[], side: number, stride: number, padding: Padding): SlidingWindow {
  const [height, width, channels] = shape.length === 2 ? [1, shape[0]!, shape[1]!] : [shape[0]!, shape[1]!, shape[2]!];
  const down = shape.length === 2 ? alongAxis(1, 1, 1, padding) : alongAxis(height, side, stride, padding);
  const across = alongAxis(width, side, stride, padding);
  return {
    inHeight: height,
    inWidth: width,
    channels,
    kernelHeight: shape.length === 2 ? 1 : side,
    kernelWidth: side,
    stride,
    padTop: down.before,
    padLeft: across.before,
    outHeight: down.outputs,
    outWidth: across.outputs,
  };
}

/**
 * Which number of a row each number under the window is: Int32Array [outHeight × outWidth, kernelHeight × kernelWidth × channels],
 * -1 for padding.
 */
export function windowTaps(sliding: SlidingWindow): Int32Array {
  const { inHeight, inWidth, channels, kernelHeight, kernelWidth, stride, outHeight, outWidth } = sliding;
  const taps = new Int32Array(outHeight * outWidth * kernelHeight * kernelWidth * channels);
  let at = 0;
  for (let top = 0; top < outHeight; top++) {
    for (let left = 0; left < outWidth; left++) {
      for (let down = 0; down < kernelHeight; down++) {
        for (let across = 0; across < kernelWidth; across++) {
          const y = top * stride + down - sliding.padTop;
          const x = left * stride + across - sliding.padLeft;
          const inside = y >= 0 && y < inHeight && x >= 0 && x < inWidth;
          const first = (y * inWidth + x) * channels;
          for (let channel = 0; channel < channels; channel++) taps[at++] = inside ? first + channel : -1;
        }
      }
    }
  }
  return taps;
}

function alongAxis(inputs: number, side: number, stride: number, padding: Padding) {
  if (padding === 'valid') return { outputs: Math.max(0, Math.floor((inputs - side) / stride) + 1), before: 0 };
  const outputs = Math.ceil(inputs / stride);
  return { outputs, before: Math.floor(Math.max(0, (outputs - 1) * stride + side - inputs) / 2) };
}
