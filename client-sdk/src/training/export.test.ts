import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { encodeTfjsModel, initialWeights, referenceModel, type Loss, type Topology } from '@sotto/shared/model';
import { beforeAll, expect, it } from 'vitest';

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
  const { modelJson, weightsBin } = encodeTfjsModel(topology, 4, weights, loss, { runId: 'r' });
  const { modelTopology, weightsManifest } = JSON.parse(modelJson);
  const model = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightsManifest[0].weights,
      weightData: weightsBin.slice().buffer,
    }),
  );
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
