import {
  sizeOf,
  slidingWindow,
  windowTaps,
  type LayerOf,
  type NetworkLayer,
  type SlidingWindow,
} from '@sotto/shared/model';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from './engine.ts';
import type { Tensor, TensorStep } from './tensor-step.ts';
import { addedBack, padAround, seenByPlace, stridesOf } from './tensor-window.ts';

/** Padding that no number is below. */
const lowest = -3.4e38;

/** The first of several equal numbers counts as the largest. */
export function maxPoolStep(tf: Tfjs, layer: LayerOf<'maxPool'>, network: NetworkLayer): TensorStep {
  const sliding = poolWindow(layer, network);
  const side: [number, number] = [sliding.kernelHeight, sliding.kernelWidth];
  return (_, inputs) => {
    const images = imagesOf(tf, inputs, sliding);
    const largest = tf.maxPool(images, side, stridesOf(sliding), layer.padding);
    return {
      outputs: tf.reshape(largest, [images.shape[0], ...network.outputShape]),
      backward(slopes, wanted) {
        if (!wanted) return { inputs: null, traces: [] };
        const given: Tf.Tensor4D = tf.reshape(slopes, largest.shape);
        let open: Tf.Tensor4D = tf.onesLike(largest);
        const byPlace = seenByPlace(tf, padAround(tf, images, sliding, lowest), sliding).map((seen): Tf.Tensor4D => {
          const chosen: Tf.Tensor4D = tf.mul(open, tf.cast(tf.equal(seen, largest), 'float32'));
          open = tf.sub(open, chosen);
          return tf.mul(given, chosen);
        });
        return { inputs: tf.reshape(addedBack(tf, byPlace, sliding), inputs.shape), traces: [] };
      },
    };
  };
}

/** Padding does not count in a mean. */
export function averagePoolStep(tf: Tfjs, layer: LayerOf<'averagePool'>, network: NetworkLayer): TensorStep {
  const sliding = poolWindow(layer, network);
  const { kernelHeight, kernelWidth, outHeight, outWidth } = sliding;
  const side = kernelHeight * kernelWidth;
  const taps = windowTaps({ ...sliding, channels: 1 });
  const shares = Float32Array.from({ length: outHeight * outWidth }, (_, position) => {
    const places = taps.subarray(position * side, (position + 1) * side);
    return 1 / places.filter((tap) => tap >= 0).length;
  });
  return (_, inputs) => {
    const images = imagesOf(tf, inputs, sliding);
    const share = tf.tensor4d(shares, [1, outHeight, outWidth, 1]);
    const sums: Tf.Tensor4D = tf.addN(seenByPlace(tf, padAround(tf, images, sliding), sliding));
    return {
      outputs: tf.reshape(tf.mul(sums, share), [images.shape[0], ...network.outputShape]),
      backward(slopes, wanted) {
        if (!wanted) return { inputs: null, traces: [] };
        const given: Tf.Tensor4D = tf.mul(tf.reshape(slopes, sums.shape), share);
        const byPlace = Array.from({ length: side }, () => given);
        return { inputs: tf.reshape(addedBack(tf, byPlace, sliding), inputs.shape), traces: [] };
      },
    };
  };
}

export function globalAveragePoolStep(tf: Tfjs, { inputShape, outputShape }: NetworkLayer): TensorStep {
  const channels = sizeOf(outputShape);
  const places = sizeOf(inputShape) / channels;
  return (_, inputs) => {
    const rows = inputs.shape[0]!;
    return {
      outputs: tf.mean(tf.reshape(inputs, [rows, places, channels]), 1),
      backward(slopes, wanted) {
        if (!wanted) return { inputs: null, traces: [] };
        const shares = tf.reshape(tf.div(slopes, places), [rows, 1, channels]);
        return { inputs: tf.reshape(tf.tile(shares, [1, places, 1]), inputs.shape), traces: [] };
      },
    };
  };
}

function poolWindow(layer: LayerOf<'maxPool'> | LayerOf<'averagePool'>, { inputShape }: NetworkLayer): SlidingWindow {
  return slidingWindow(inputShape, layer.size, layer.stride ?? layer.size, layer.padding);
}

function imagesOf(tf: Tfjs, inputs: Tensor, { inHeight, inWidth, channels }: SlidingWindow): Tf.Tensor4D {
  return tf.reshape(inputs, [inputs.shape[0]!, inHeight, inWidth, channels]);
}
