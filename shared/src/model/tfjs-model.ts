import type { DenseShape } from './layout.ts';
import { denseShapes } from './layout.ts';
import { modelTensors } from './model-tensors.ts';
import type { Loss, Topology } from './topology.ts';
import { weightsToBytes } from './weight-bytes.ts';

/** The two files of a tfjs LayersModel. */
export type TfjsModelFiles = {
  /** Text of `model.json`. */
  readonly modelJson: string;
  /** `weights.bin`: the weights, float32 little-endian, in layout order. */
  readonly weightsBin: Uint8Array;
};

/** What makes of the last layer's logits a prediction. */
const outputActivation: Readonly<Record<Loss, string>> = {
  binaryCrossEntropy: 'sigmoid',
  categoricalCrossEntropy: 'softmax',
  meanSquaredError: 'linear',
};

/**
 * A tfjs LayersModel (Sequential of Dense and Dropout) for `tf.loadLayersModel`. Its last layer is given the activation that
 * belongs to the loss, so it predicts probabilities (or the value, for a regression).
 *
 * @param weights - float32 [d] in layout order.
 * @param metadata - text by name, for `userDefinedMetadata`.
 * @throws {INVALID_INPUT} when the weights do not fit the topology.
 */
export function encodeTfjsModel(
  topology: Topology,
  inputs: number,
  weights: Float32Array,
  loss: Loss,
  metadata: Readonly<Record<string, string>> = {},
): TfjsModelFiles {
  const tensors = modelTensors(topology, inputs, weights);
  const shapes = denseShapes(topology, inputs);
  let dense = 0;
  let dropouts = 0;
  const layers = topology.layers.map((layer, index) => {
    const first = index === 0 ? { batch_input_shape: [null, inputs] } : {};
    if (layer.kind === 'dropout') {
      const name = `dropout${dropouts++}`;
      const config = { rate: layer.rate, noise_shape: null, seed: null, name, trainable: true, dtype: 'float32' };
      return { class_name: 'Dropout', config: { ...config, ...first } };
    }
    const isLast = dense === shapes.length - 1;
    const config = denseConfig(`dense${dense}`, shapes[dense]!, isLast ? outputActivation[loss] : layer.activation);
    dense += 1;
    return { class_name: 'Dense', config: { ...config, ...first } };
  });
  const modelJson = JSON.stringify({
    format: 'layers-model',
    generatedBy: 'Sotto',
    convertedBy: null,
    ...(Object.keys(metadata).length === 0 ? {} : { userDefinedMetadata: metadata }),
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'sotto', layers },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  });
  return { modelJson, weightsBin: weightsToBytes(weights) };
}

function denseConfig(name: string, shape: DenseShape, activation: string) {
  return {
    units: shape.units,
    activation,
    use_bias: true,
    kernel_initializer: { class_name: 'GlorotUniform', config: { seed: null } },
    bias_initializer: { class_name: 'Zeros', config: {} },
    kernel_regularizer: null,
    bias_regularizer: null,
    activity_regularizer: null,
    kernel_constraint: null,
    bias_constraint: null,
    name,
    trainable: true,
    dtype: 'float32',
  };
}
