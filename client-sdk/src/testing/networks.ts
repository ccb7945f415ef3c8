import { initialWeights, topologySchema, type Topology, type UnitBatch } from '@sotto/shared/model';
import { createSeededRandom } from '@sotto/shared/random';
import { expect } from 'vitest';

/** A network of tests with every kind of layer in one of them, ten classes at the end. */
export type ExampleNetwork = { readonly name: string; readonly inputs: number; readonly topology: Topology };

/** @param pooling - how the average pooling treats the edge; tfjs's own derivative is wrong there with `same`. */
export function exampleNetworks(pooling: 'valid' | 'same'): readonly ExampleNetwork[] {
  const network = (name: string, inputs: number, layers: readonly object[]): ExampleNetwork => ({
    name,
    inputs,
    topology: topologySchema.parse({ layers: [...layers, { kind: 'dense', units: 4, activation: 'linear' }] }),
  });
  return [
    network('convolutions in two dimensions', 81, [
      { kind: 'reshape', shape: [9, 9, 1] },
      { kind: 'conv2d', filters: 5, kernelSize: 3, padding: 'same', activation: 'relu' },
      { kind: 'maxPool', size: 2, padding: 'same' },
      { kind: 'conv2d', filters: 6, kernelSize: 2, stride: 2, activation: 'tanh' },
      { kind: 'layerNorm' },
      { kind: 'averagePool', size: 2, stride: 1, padding: pooling },
      { kind: 'flatten' },
      { kind: 'dense', units: 7, activation: 'sigmoid' },
    ]),
    network('convolutions in one', 30, [
      { kind: 'reshape', shape: [10, 3] },
      { kind: 'conv1d', filters: 4, kernelSize: 3, padding: 'same', stride: 2, activation: 'relu' },
      { kind: 'averagePool', size: 2, padding: pooling },
      { kind: 'conv1d', filters: 5, kernelSize: 2, activation: 'linear' },
      { kind: 'maxPool', size: 2, stride: 1, padding: 'same' },
      { kind: 'globalAveragePool' },
    ]),
    network('a picture, averaged', 48, [
      { kind: 'reshape', shape: [4, 4, 3] },
      { kind: 'conv2d', filters: 4, kernelSize: 3, activation: 'relu' },
      { kind: 'globalAveragePool' },
      { kind: 'layerNorm', epsilon: 0.01 },
    ]),
    network('words', 6, [
      { kind: 'embedding', vocabulary: 9, units: 4 },
      { kind: 'gru', units: 5, returnSequences: true },
      { kind: 'layerNorm' },
      { kind: 'gru', units: 3 },
    ]),
  ];
}

/** Made-up rows: tokens for words, numbers around zero for the others; one row a unit. */
export function exampleRows({ inputs, topology }: ExampleNetwork, rows: number): UnitBatch {
  const words = new Uint32Array(rows * inputs + rows);
  createSeededRandom('networks').words(words);
  const tokens = topology.layers[0]?.kind === 'embedding';
  return {
    units: rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
    rows,
    inputs: Float32Array.from(words.subarray(0, rows * inputs), (word) => (tokens ? word % 9 : word / 2 ** 31 - 1)),
    features: inputs,
    targets: Float32Array.from(words.subarray(rows * inputs), (word) => word % 4),
  };
}

/** Weights away from their first values, so that a bias or a gamma in the wrong place shows. */
export function exampleWeights({ topology, inputs }: ExampleNetwork): Float32Array {
  const weights = initialWeights(topology, inputs, '0d'.repeat(32));
  weights.forEach((weight, index) => (weights[index] = weight + 0.05 * ((index % 7) - 3)));
  return weights;
}

/** Equal but for the rounding of float32, by the largest of all values. */
export function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(actual.length).toBe(wanted.length);
  let largest = 1e-3;
  for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(wanted[i]!));
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - wanted[i]!));
  expect(worst).toBeLessThan(1e-4 * largest);
}
