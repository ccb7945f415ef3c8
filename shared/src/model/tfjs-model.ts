import { networkLayers } from './layout.ts';
import { modelTensors } from './model-tensors.ts';
import { tfjsLayer } from './tfjs-layer.ts';
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
 * A tfjs LayersModel (a Sequential) for `tf.loadLayersModel`. Its last layer is given the activation that
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
  const network = networkLayers(topology, inputs);
  const layers = network.map((layer, index) => {
    const { class_name, config } = tfjsLayer(layer, index === network.length - 1 ? outputActivation[loss] : null);
    return { class_name, config: index === 0 ? { ...config, batch_input_shape: [null, inputs] } : config };
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
