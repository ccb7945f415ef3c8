import { slidingWindow, windowTaps, type LayerOf, type NetworkLayer, type SlidingWindow } from '@sotto/shared/model';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from './engine.ts';
import { activate, timesSlope } from './tensor-activation.ts';
import type { Tensor, TensorStep } from './tensor-step.ts';
import { padAround, seenByPlace, stridesOf } from './tensor-window.ts';

/**
 * A convolution; one dimension is a picture of height 1. The kernel's gradient is a product of the patches with the deltas, so that no
 * backend needs a kernel of its own for it.
 */
export function convolutionStep(
  tf: Tfjs,
  layer: LayerOf<'conv1d'> | LayerOf<'conv2d'>,
  { tensors, inputShape, outputShape }: NetworkLayer,
): TensorStep {
  const { filters, stride, padding, activation, kernelSize } = layer;
  const [kernelPlace, biasPlace] = tensors;
  const sliding = slidingWindow(inputShape, kernelSize, stride, padding);
  const { inHeight, inWidth, channels, kernelHeight, kernelWidth, outHeight, outWidth } = sliding;
  const taps = windowTaps(sliding);
  const positions = outHeight * outWidth;
  return ([kernel, bias], inputs) => {
    const rows = inputs.shape[0]!;
    const images: Tf.Tensor4D = tf.reshape(inputs, [rows, inHeight, inWidth, channels]);
    const filter: Tf.Tensor4D = tf.reshape(kernel!, [kernelHeight, kernelWidth, channels, filters]);
    const convolved = tf.conv2d(images, filter, stridesOf(sliding), padding);
    const outputs = activate(tf, activation, tf.reshape(tf.add(convolved, bias!), [rows, ...outputShape]));
    return {
      outputs,
      backward(slopes, wanted) {
        const deltas = timesSlope(tf, activation, outputs, slopes);
        const maps: Tf.Tensor4D = tf.reshape(deltas, [rows, outHeight, outWidth, filters]);
        const below = wanted
          ? tf.reshape(tf.conv2dTranspose(maps, filter, images.shape, stridesOf(sliding), padding), inputs.shape)
          : null;
        if (kernelPlace!.trainedOffset === null) return { inputs: below, traces: [] };
        const form = {
          form: 'outer',
          positions,
          inputs: taps.length / positions,
          units: filters,
          taps,
          kernelOffset: kernelPlace!.trainedOffset,
          kernelStride: filters,
          biasOffset: biasPlace!.trainedOffset,
        } as const;
        return {
          inputs: below,
          traces: [{ form, activations: inputs, deltas, patches: () => patchesOf(tf, images, sliding) }],
        };
      },
    };
  };
}

/** What the window sees at each position, [rows × positions, kernelHeight × kernelWidth × channels]. */
function patchesOf(tf: Tfjs, images: Tf.Tensor4D, sliding: SlidingWindow): Tensor {
  const seen = seenByPlace(tf, padAround(tf, images, sliding), sliding);
  const { channels, outHeight, outWidth } = sliding;
  const flat = seen.map((values) => tf.reshape(values, [images.shape[0] * outHeight * outWidth, channels]));
  return flat.length === 1 ? flat[0]! : tf.concat(flat, 1);
}
