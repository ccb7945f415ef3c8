import type { SlidingWindow } from '@sotto/shared/model';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from './engine.ts';

/** Strides of height and width: a window of height 1 over a height of 1 moves along the width alone. */
export function stridesOf({ kernelHeight, inHeight, stride }: SlidingWindow): [number, number] {
  return inHeight === 1 && kernelHeight === 1 ? [1, stride] : [stride, stride];
}

/** The images with what padding stands for around them, just as far as the window reaches. */
export function padAround(tf: Tfjs, images: Tf.Tensor4D, sliding: SlidingWindow, value = 0): Tf.Tensor4D {
  const { inHeight, inWidth, kernelHeight, kernelWidth, padTop, padLeft, outHeight, outWidth } = sliding;
  const [down, across] = stridesOf(sliding);
  const below = Math.max(0, (outHeight - 1) * down + kernelHeight - inHeight - padTop);
  const right = Math.max(0, (outWidth - 1) * across + kernelWidth - inWidth - padLeft);
  if (padTop + below + padLeft + right === 0) return images;
  const around: [number, number][] = [
    [0, 0],
    [padTop, below],
    [padLeft, right],
    [0, 0],
  ];
  return tf.pad(images, around, value);
}

/**
 * What each place under the window sees, wherever it moves: [rows, outHeight, outWidth, channels] for one place after the other.
 * @param padded - as {@link padAround} gives it.
 */
export function seenByPlace(tf: Tfjs, padded: Tf.Tensor4D, sliding: SlidingWindow): Tf.Tensor4D[] {
  const { kernelHeight, kernelWidth, channels, outHeight, outWidth } = sliding;
  const [down, across] = stridesOf(sliding);
  const rows = padded.shape[0];
  return placesOf(kernelHeight, kernelWidth).map(([top, left]) => {
    const end = [rows, top + (outHeight - 1) * down + 1, left + (outWidth - 1) * across + 1, channels];
    const seen = tf.stridedSlice(padded, [0, top, left, 0], end, [1, down, across, 1]);
    return tf.reshape(seen, [rows, outHeight, outWidth, channels]);
  });
}

/**
 * The other way: adds to each number of the images what the places under the window say of it. tfjs has a kernel for this of its own,
 * which is wrong on wasm for a largest number below zero.
 *
 * @param byPlace - [rows, outHeight, outWidth, channels] for one place after the other.
 */
export function addedBack(tf: Tfjs, byPlace: readonly Tf.Tensor4D[], sliding: SlidingWindow): Tf.Tensor4D {
  const { inHeight, inWidth, kernelHeight, kernelWidth, channels, padTop, padLeft } = sliding;
  const spread = byPlace.map((values) => spreadOut(tf, values, sliding));
  const [rows, height, width] = spread[0]!.shape;
  const [above, beside] = [Math.max(0, padTop + inHeight - height), Math.max(0, padLeft + inWidth - width)];
  const moved = placesOf(kernelHeight, kernelWidth).map(([top, left], place) =>
    tf.pad(spread[place]!, [
      [0, 0],
      [top, kernelHeight - 1 - top + above],
      [left, kernelWidth - 1 - left + beside],
      [0, 0],
    ]),
  );
  return tf.slice(tf.addN(moved), [0, padTop, padLeft, 0], [rows, inHeight, inWidth, channels]);
}

/** Zeros between the positions, as many as the window steps over. */
function spreadOut(tf: Tfjs, values: Tf.Tensor4D, sliding: SlidingWindow): Tf.Tensor4D {
  const [down, across] = stridesOf(sliding);
  const [rows, height, width, channels] = values.shape;
  if (down === 1 && across === 1) return values;
  const flat = tf.reshape(values, [rows * height * width, 1, channels]);
  const wide = tf.reshape(
    tf.pad(flat, [
      [0, 0],
      [0, across - 1],
      [0, 0],
    ]),
    [rows * height, 1, width * across * channels],
  );
  const tall = tf.pad(wide, [
    [0, 0],
    [0, down - 1],
    [0, 0],
  ]);
  return tf.reshape(tall, [rows, height * down, width * across, channels]);
}

/** Places under a window: [down, across], row after row. */
function placesOf(height: number, width: number): readonly (readonly [number, number])[] {
  return Array.from({ length: height * width }, (_, place) => [Math.floor(place / width), place % width] as const);
}
