import { expect, it } from 'vitest';
import { importWeights } from './import-weights.ts';
import { initialWeights } from './initial-weights.ts';
import { modelTensors } from './model-tensors.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import { topologySchema } from './topology.ts';

const seed = '00ff';
const network = (head: number, frozen = true) =>
  topologySchema.parse({
    layers: [
      { kind: 'reshape', shape: [4, 4, 1] },
      { kind: 'conv2d', filters: 3, kernelSize: 2, activation: 'relu', ...(frozen ? { trainable: false } : {}) },
      { kind: 'layerNorm' },
      { kind: 'flatten' },
      { kind: 'dense', units: head, activation: 'linear' },
    ],
  });
const weights = initialWeights(network(4), 16, 'abcd').map((weight) => weight + 1);
const tensors = decodeSafetensors(encodeSafetensors(modelTensors(network(4), 16, weights))).tensors;

it('takes over the layers that a file names, and begins the others by the seed', () => {
  const base = tensors.filter(({ name }) => !name.startsWith('dense'));
  const imported = importWeights(network(7), 16, base, seed);
  expect(imported).toMatchObject({ taken: ['conv2d0', 'layerNorm0'], seeded: ['dense0'] });
  const fresh = initialWeights(network(7), 16, seed);
  expect([...imported.weights.subarray(0, 21)]).toEqual([...weights.subarray(0, 21)]);
  expect([...imported.weights.subarray(21)]).toEqual([...fresh.subarray(21)]);
  expect(importWeights(network(4), 16, tensors, seed).weights).toEqual(weights);
});

it.each<[string, typeof tensors, RegExp]>([
  ['another shape', tensors, /tensor dense0\/kernel: expected the shape 27×7, got 27×4/],
  ['half a layer', tensors.filter(({ name }) => !/dense|beta/.test(name)), /layerNorm0\/beta: .* got none/],
  ['no weights of a layer that keeps its own', tensors.slice(2, 4), /conv2d0\/kernel: .* got none/],
])('refuses a file with %s', (_, given, message) => {
  expect(() => importWeights(network(7), 16, given, seed)).toThrowError(
    expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
  );
});

it('refuses a file of which nothing fits', () => {
  const strange = [{ name: 'features.0.weight', shape: [1], values: new Float32Array(1) }];
  expect(() => importWeights(network(7, false), 16, strange, seed)).toThrowError(/it holds features\.0\.weight/);
});
