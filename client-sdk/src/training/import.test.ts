import '@tensorflow/tfjs-backend-cpu';
import {
  decodeTfjsModel,
  encodeTfjsModel,
  importWeights,
  referenceModel,
  topologySchema,
  type DecodedTfjsModel,
} from '@sotto/shared/model';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleNetworks, exampleRows, exampleWeights, expectClose } from '../testing/networks.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** What tfjs writes of a model, read by Sotto. */
async function saved(model: layers.LayersModel): Promise<DecodedTfjsModel> {
  let artifacts: tf.io.ModelArtifacts | null = null;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const { modelTopology, weightSpecs, weightData } = artifacts! as tf.io.ModelArtifacts;
  const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
  const json = JSON.parse(JSON.stringify({ modelTopology, weightsManifest: manifest }));
  return decodeTfjsModel(json, new Uint8Array(weightData as ArrayBuffer));
}

const image = () =>
  layers.sequential({
    layers: [
      layers.layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.layers.maxPooling2d({ poolSize: 2 }),
      layers.layers.conv2d({ filters: 5, kernelSize: 2, strides: 2, activation: 'tanh', name: 'second' }),
      layers.layers.layerNormalization(),
      layers.layers.dropout({ rate: 0.3 }),
      layers.layers.globalAveragePooling2d({}),
      layers.layers.dense({ units: 4, activation: 'softmax' }),
    ],
  });
const series = () =>
  layers.sequential({
    layers: [
      layers.layers.conv1d({ inputShape: [12, 2], filters: 4, kernelSize: 3, activation: 'relu' }),
      layers.layers.averagePooling1d({ poolSize: 2 }),
      layers.layers.gru({
        units: 3,
        recurrentActivation: 'sigmoid',
        recurrentInitializer: 'glorotUniform',
        returnSequences: true,
      }),
      layers.layers.flatten(),
      layers.layers.dense({ units: 6, activation: 'sigmoid' }),
      layers.layers.dense({ units: 4, activation: 'softmax' }),
    ],
  });
const words = () =>
  layers.sequential({
    layers: [
      layers.layers.embedding({ inputDim: 9, outputDim: 4, inputLength: 6 }),
      layers.layers.gru({ units: 3, recurrentActivation: 'sigmoid', recurrentInitializer: 'glorotUniform' }),
      layers.layers.dense({ units: 4, activation: 'softmax' }),
    ],
  });

describe('a model of tfjs-layers', () => {
  it.each([
    ['a picture', image, [8, 8, 3]],
    ['a series', series, [12, 2]],
    ['words', words, [6]],
  ] as const)('predicts in Sotto what it predicts there: %s', async (_, create, shape) => {
    const model = create();
    // Away from their first values: biases and norms are not zeros and ones.
    model.setWeights(model.getWeights().map((weight) => tf.add(weight, tf.randomUniform(weight.shape, -0.2, 0.2))));
    const { topology, inputs, tensors } = await saved(model);
    const { weights, taken, seeded } = importWeights(topology, inputs, tensors, '00');
    expect(seeded).toEqual([]);
    expect(taken.length).toBeGreaterThan(2);
    const batch = exampleRows({ name: '', inputs, topology }, 7);
    const reference = referenceModel(topology, inputs, 'categoricalCrossEntropy');
    await reference.setWeights(weights);
    const predicted = model.predict(tf.tensor(batch.inputs, [7, ...shape])) as tf.Tensor;
    expectClose(await reference.predict(batch.inputs, 7), await predicted.data());
  });

  it.each<[string, layers.layers.Layer, RegExp]>([
    [
      'batch normalization',
      layers.layers.batchNormalization({ inputShape: [4, 4, 2] }),
      /train the model with LayerNorm/,
    ],
    ['a layer that Sotto lacks', layers.layers.upSampling2d({ inputShape: [4, 4, 2] }), /Sotto has no UpSampling2D/],
    [
      'a dilated window',
      layers.layers.conv2d({ inputShape: [4, 4, 2], filters: 2, kernelSize: 2, dilationRate: 2 }),
      /dilation_rate 1, got 2/,
    ],
    [
      'a window that is not square',
      layers.layers.conv2d({ inputShape: [4, 4, 2], filters: 2, kernelSize: [1, 2] }),
      /square, got 1 × 2/,
    ],
    [
      'a layer without biases',
      layers.layers.conv2d({ inputShape: [4, 4, 2], filters: 2, kernelSize: 2, useBias: false }),
      /use_bias true, got false/,
    ],
    [
      'a norm over other axes',
      layers.layers.layerNormalization({ inputShape: [4, 4, 2], axis: 1 }),
      /only axis -1, got 1/,
    ],
    [
      'the gates’ other activation',
      layers.layers.gru({ inputShape: [4, 2], units: 2, recurrentInitializer: 'glorotUniform' }),
      /recurrent_activation sigmoid, got "hard_sigmoid"/,
    ],
    [
      'an activation that Sotto lacks',
      layers.layers.dense({ inputShape: [4], units: 2, activation: 'elu' }),
      /activation/,
    ],
  ])('is refused by name with %s', async (_, layer, message) => {
    const model = layers.sequential({ layers: [layer, layers.layers.dense({ units: 2 })] });
    await expect(saved(model)).rejects.toThrowError(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
    );
  });
});

describe('a model of Sotto’s own', () => {
  it.each(exampleNetworks('same'))('comes back from a LayersModel as it went: $name', (network) => {
    const { topology, inputs } = network;
    const weights = exampleWeights(network);
    const { modelJson, weightsBin } = encodeTfjsModel(topology, inputs, weights, 'categoricalCrossEntropy');
    const decoded = decodeTfjsModel(JSON.parse(modelJson), weightsBin);
    expect(decoded.inputs).toBe(inputs);
    expect(topologySchema.parse(JSON.parse(JSON.stringify(decoded.topology)))).toEqual(
      topologySchema.parse({
        layers: topology.layers.map((layer) =>
          layer.kind === 'maxPool' || layer.kind === 'averagePool'
            ? { ...layer, stride: layer.stride ?? layer.size }
            : layer,
        ),
      }),
    );
    expect(importWeights(topology, inputs, decoded.tensors, '00').weights).toEqual(weights);
    expect(() => decodeTfjsModel(JSON.parse(modelJson), weightsBin.subarray(4))).toThrowError(/bytes of weights/);
  });
});
