import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import {
  encodeTfjsModel,
  initialWeights,
  networkLayers,
  referenceModel,
  type Loss,
  type Topology,
} from '@sotto/shared/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleNetworks, exampleRows, exampleWeights, expectClose, type ExampleNetwork } from '../testing/networks.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const cases: readonly (readonly [Loss, number])[] = [
  ['binaryCrossEntropy', 1],
  ['categoricalCrossEntropy', 3],
  ['meanSquaredError', 1],
];

it.each(cases)('an exported model predicts in tfjs what the reference predicts, for %s', async (loss, outputs) => {
  const topology: Topology = {
    layers: [
      { kind: 'dropout', rate: 0.2 },
      { kind: 'dense', units: 7, activation: 'relu' },
      { kind: 'dropout', rate: 0.5 },
      { kind: 'dense', units: 6, activation: 'tanh' },
      { kind: 'dense', units: 5, activation: 'sigmoid' },
      { kind: 'dense', units: outputs, activation: 'linear' },
    ],
  };
  const weights = initialWeights(topology, 4, 'feed');
  // Biases begin at zero; give them values, so that a bias in the wrong place shows.
  weights.forEach((weight, index) => (weights[index] = weight + 0.05 * (index % 7)));
  const model = await loaded(topology, 4, weights, loss);
  const inputs = Float32Array.from({ length: 40 }, (_, index) => (((index * 37) % 41) - 20) / 10);
  const predicted = model.predict(tf.tensor2d(inputs, [10, 4]));
  if (Array.isArray(predicted)) throw new TypeError('expected one output');
  const expected = referenceModel(topology, 4, loss);
  await expected.setWeights(weights);
  const reference = await expected.predict(inputs, 10);
  const got = await predicted.data();
  expect(got.length).toBe(10 * outputs);
  got.forEach((value, index) => expect(value).toBeCloseTo(reference[index]!, 5));
  expect(new Set(Array.from(reference, (value) => value.toFixed(4))).size).toBeGreaterThan(5);
});

async function loaded(topology: Topology, inputs: number, weights: Float32Array, loss: Loss) {
  const { modelJson, weightsBin } = encodeTfjsModel(topology, inputs, weights, loss);
  const { modelTopology, weightsManifest } = JSON.parse(modelJson);
  const weightData = weightsBin.slice().buffer;
  return loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }));
}

const classes = 'categoricalCrossEntropy';

async function bothModels(network: ExampleNetwork) {
  const { topology, inputs } = network;
  const weights = exampleWeights(network);
  const batch = exampleRows(network, 12);
  const reference = referenceModel(topology, inputs, classes);
  await reference.setWeights(weights);
  const model = await loaded(topology, inputs, weights, classes);
  const x = tf.tensor2d(batch.inputs, [batch.rows, inputs]);
  return { weights, batch, reference, model, predict: () => model.apply(x, { training: false }) as tf.Tensor2D };
}

describe('an exported model of every kind of layer', () => {
  it.each(exampleNetworks('same'))('predicts what the reference predicts: $name', async (network) => {
    const { batch, reference, predict } = await bothModels(network);
    expectClose(await predict().data(), await reference.predict(batch.inputs, batch.rows));
  });

  // Independent of the product twice: another forward pass, and tfjs's own derivative of it.
  it.each(exampleNetworks('valid'))('has the derivative that the reference finds: $name', async (network) => {
    const { weights, batch, reference, model, predict } = await bothModels(network);
    const wanted = tf.oneHot(tf.tensor1d(batch.targets, 'int32'), 4);
    const { grads } = tf.variableGrads(() => tf.neg(tf.mean(tf.sum(tf.mul(wanted, tf.log(predict())), 1))));
    const settings = { epochs: 1, batchSize: 100, learningRate: 1, proximal: 0 };
    const trained = await reference.train(batch, settings, new Uint8Array(8));
    const names = new Map(model.weights.map((weight) => [weight.originalName, weight.name]));
    for (const { name, offset, length } of networkLayers(network.topology, network.inputs).flatMap((l) => l.tensors)) {
      const step = Float32Array.from({ length }, (_, index) => weights[offset + index]! - trained[offset + index]!);
      expectClose(step, await grads[names.get(name) ?? '']!.data());
    }
  });
});
