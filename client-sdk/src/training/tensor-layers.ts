import { sizeOf, type LayerOf, type NetworkLayer } from '@sotto/shared/model';
import type { Tfjs } from './engine.ts';
import { activate, timesSlope } from './tensor-activation.ts';
import { convolutionStep } from './tensor-convolution.ts';
import { gruStep } from './tensor-gru.ts';
import { averagePoolStep, globalAveragePoolStep, maxPoolStep } from './tensor-pooling.ts';
import type { Tensor, TensorStep, Uniform } from './tensor-step.ts';

/** A layer of a topology on tfjs operations. */
export function tensorStep(tf: Tfjs, network: NetworkLayer): TensorStep {
  const { layer } = network;
  switch (layer.kind) {
    case 'dense':
      return denseStep(tf, layer, network);
    case 'dropout':
      return dropoutStep(tf, layer);
    case 'reshape':
    case 'flatten':
      return shapeStep(tf, network);
    case 'conv1d':
    case 'conv2d':
      return convolutionStep(tf, layer, network);
    case 'maxPool':
      return maxPoolStep(tf, layer, network);
    case 'averagePool':
      return averagePoolStep(tf, layer, network);
    case 'globalAveragePool':
      return globalAveragePoolStep(tf, network);
    case 'layerNorm':
      return layerNormStep(tf, layer, network);
    case 'embedding':
      return embeddingStep(tf, layer, network);
    case 'gru':
      return gruStep(tf, layer, network);
  }
}

/** Products are taken of transposed copies: wasm's matrix product with a transpose flag is 13 to 28 times slower. */
function denseStep(
  tf: Tfjs,
  { units, activation }: LayerOf<'dense'>,
  { tensors, inputShape }: NetworkLayer,
): TensorStep {
  const [kernelPlace, biasPlace] = tensors;
  return ([kernel, bias], inputs) => {
    const outputs = activate(tf, activation, tf.add(tf.matMul(inputs, kernel!), bias!));
    return {
      outputs,
      backward(slopes, wanted) {
        const deltas = timesSlope(tf, activation, outputs, slopes);
        const below = wanted ? tf.matMul(deltas, tf.transpose(kernel!)) : null;
        if (kernelPlace!.trainedOffset === null) return { inputs: below, traces: [] };
        const form = {
          form: 'outer',
          positions: 1,
          inputs: sizeOf(inputShape),
          units,
          taps: null,
          kernelOffset: kernelPlace!.trainedOffset,
          kernelStride: units,
          biasOffset: biasPlace!.trainedOffset,
        } as const;
        return { inputs: below, traces: [{ form, activations: inputs, deltas, patches: () => inputs }] };
      },
    };
  };
}

function shapeStep(tf: Tfjs, { outputShape }: NetworkLayer): TensorStep {
  return (_, inputs) => ({
    outputs: tf.reshape(inputs, [inputs.shape[0]!, ...outputShape]),
    backward: (slopes, wanted) => ({ inputs: wanted ? tf.reshape(slopes, inputs.shape) : null, traces: [] }),
  });
}

function dropoutStep(tf: Tfjs, { rate }: LayerOf<'dropout'>): TensorStep {
  return (_, inputs, uniform) => {
    if (uniform === null || rate === 0) {
      return { outputs: inputs, backward: (slopes) => ({ inputs: slopes, traces: [] }) };
    }
    const mask = dropoutMask(tf, inputs.shape, rate, uniform);
    return {
      outputs: tf.mul(inputs, mask),
      backward: (slopes, wanted) => ({ inputs: wanted ? tf.mul(slopes, mask) : null, traces: [] }),
    };
  };
}

/** Inverted dropout; draws in the same order as the reference model. */
function dropoutMask(tf: Tfjs, shape: number[], rate: number, uniform: Uniform): Tensor {
  const threshold = rate * 4_294_967_296;
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = uniform() < threshold ? 0 : 1 / (1 - rate);
  return tf.tensor(values, shape);
}

function layerNormStep(tf: Tfjs, { epsilon }: LayerOf<'layerNorm'>, { tensors, inputShape }: NetworkLayer): TensorStep {
  const [gammaPlace, betaPlace] = tensors;
  const units = inputShape.at(-1)!;
  return ([gamma, beta], inputs) => {
    const centred = tf.sub(inputs, tf.mean(inputs, -1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.mul(centred, centred), -1, true), epsilon));
    const normal = tf.mul(centred, inverse);
    return {
      outputs: tf.add(tf.mul(normal, gamma!), beta!),
      backward(slopes, wanted) {
        const scaled = tf.mul(slopes, gamma!);
        const below = wanted
          ? tf.mul(
              tf.sub(
                tf.sub(scaled, tf.mean(scaled, -1, true)),
                tf.mul(normal, tf.mean(tf.mul(scaled, normal), -1, true)),
              ),
              inverse,
            )
          : null;
        const [factorOffset, shiftOffset] = [gammaPlace!.trainedOffset, betaPlace!.trainedOffset];
        if (factorOffset === null || shiftOffset === null) return { inputs: below, traces: [] };
        const positions = sizeOf(inputShape) / units;
        const form = { form: 'scale', positions, units, factorOffset, shiftOffset } as const;
        return { inputs: below, traces: [{ form, activations: normal, deltas: slopes }] };
      },
    };
  };
}

/** What is no token of the vocabulary gives no numbers. */
function embeddingStep(
  tf: Tfjs,
  { vocabulary, units }: LayerOf<'embedding'>,
  { tensors, inputShape }: NetworkLayer,
): TensorStep {
  const tableOffset = tensors[0]!.trainedOffset;
  return ([table], inputs) => {
    const known = tf.logicalAnd(tf.greaterEqual(inputs, 0), tf.less(inputs, vocabulary));
    const tokens = tf.cast(tf.where(known, inputs, tf.zerosLike(inputs)), 'int32');
    const ones = tf.onesLike(inputs);
    const numbers = tf.where(known, ones, tf.mul(ones, Number.NaN));
    return {
      outputs: tf.mul(tf.gather(table!, tokens), tf.expandDims(numbers, -1)),
      backward(slopes) {
        if (tableOffset === null) return { inputs: null, traces: [] };
        const form = { form: 'scatter', positions: inputShape[0]!, units, entries: vocabulary, tableOffset } as const;
        return { inputs: null, traces: [{ form, activations: inputs, deltas: slopes }] };
      },
    };
  };
}
