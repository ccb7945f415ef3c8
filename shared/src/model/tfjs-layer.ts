import type { NetworkLayer } from './layout.ts';

/** A layer as a tfjs LayersModel describes it. */
export type TfjsLayer = { readonly class_name: string; readonly config: Readonly<Record<string, unknown>> };

/**
 * A layer for a tfjs Sequential.
 * @param outputActivation - of the last layer, in place of its own; null for the others.
 */
export function tfjsLayer(network: NetworkLayer, outputActivation: string | null): TfjsLayer {
  const { layer, name, inputShape } = network;
  const trainable = !('trainable' in layer) || layer.trainable !== false;
  const shared = { name, trainable, dtype: 'float32' };
  const inTwo = inputShape.length === 3;
  switch (layer.kind) {
    case 'dense': {
      const activation = outputActivation ?? layer.activation;
      return { class_name: 'Dense', config: { units: layer.units, activation, ...kernelAndBias, ...shared } };
    }
    case 'dropout':
      return { class_name: 'Dropout', config: { rate: layer.rate, noise_shape: null, seed: null, ...shared } };
    case 'reshape':
      return { class_name: 'Reshape', config: { target_shape: layer.shape, ...shared } };
    case 'flatten':
      return { class_name: 'Flatten', config: { ...shared } };
    case 'conv1d':
    case 'conv2d': {
      const { filters, kernelSize, stride, padding, activation } = layer;
      const across = layer.kind === 'conv1d' ? [1] : [1, 1];
      const sides = { kernel_size: across.map(() => kernelSize), strides: across.map(() => stride) };
      const form = { filters, ...sides, padding, ...channelsLast, dilation_rate: across, activation };
      const class_name = layer.kind === 'conv1d' ? 'Conv1D' : 'Conv2D';
      return { class_name, config: { ...form, ...kernelAndBias, ...shared } };
    }
    case 'maxPool':
    case 'averagePool': {
      const across = inTwo ? [1, 1] : [1];
      const sides = {
        pool_size: across.map(() => layer.size),
        strides: across.map(() => layer.stride ?? layer.size),
        padding: layer.padding,
      };
      const class_name = `${layer.kind === 'maxPool' ? 'Max' : 'Average'}Pooling${inTwo ? '2D' : '1D'}`;
      return { class_name, config: { ...sides, ...channelsLast, ...shared } };
    }
    case 'globalAveragePool': {
      const class_name = inTwo ? 'GlobalAveragePooling2D' : 'GlobalAveragePooling1D';
      return { class_name, config: { ...channelsLast, ...shared } };
    }
    case 'layerNorm':
      return {
        class_name: 'LayerNormalization',
        config: { axis: -1, epsilon: layer.epsilon, center: true, scale: true, ...shared },
      };
    case 'embedding': {
      const { vocabulary, units } = layer;
      const table = { input_dim: vocabulary, output_dim: units, input_length: null, mask_zero: false };
      return { class_name: 'Embedding', config: { ...table, ...shared } };
    }
    case 'gru': {
      const { units, returnSequences } = layer;
      const gates = { units, activation: 'tanh', recurrent_activation: 'sigmoid', reset_after: false };
      const form = { ...gates, return_sequences: returnSequences, return_state: false, stateful: false };
      return { class_name: 'GRU', config: { ...form, ...kernelAndBias, ...shared } };
    }
  }
}

const channelsLast = { data_format: 'channels_last' };

const kernelAndBias = {
  use_bias: true,
  kernel_initializer: { class_name: 'GlorotUniform', config: { seed: null } },
  bias_initializer: { class_name: 'Zeros', config: {} },
  kernel_regularizer: null,
  bias_regularizer: null,
  activity_regularizer: null,
  kernel_constraint: null,
  bias_constraint: null,
};
