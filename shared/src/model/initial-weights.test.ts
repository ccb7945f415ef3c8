import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { initialWeights } from './initial-weights.ts';
import { modelLayout, networkLayers } from './layout.ts';
import type { Topology } from './topology.ts';
import { weightsFromBytes, weightsToBytes } from './weight-bytes.ts';

const topology: Topology = {
  layers: [
    { kind: 'dense', units: 64, activation: 'relu' },
    { kind: 'dropout', rate: 0.5 },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};
const seed = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

it('the layout names kernel and bias of each dense layer, and dropout has none', () => {
  expect(modelLayout(topology, 30)).toEqual([
    { name: 'dense0/kernel', length: 1_920 },
    { name: 'dense0/bias', length: 64 },
    { name: 'dense1/kernel', length: 640 },
    { name: 'dense1/bias', length: 10 },
  ]);
});

it('a seed gives the stored bytes', () => {
  const weights = initialWeights(topology, 30, seed);
  const hash = createHash('sha256').update(weightsToBytes(weights)).digest('hex');
  expect(Array.from(weights.subarray(0, 4))).toMatchInlineSnapshot(`
    [
      -0.13379883766174316,
      0.17497621476650238,
      0.13782525062561035,
      0.20044384896755219,
    ]
  `);
  expect(hash).toMatchInlineSnapshot(`"6603c32b2b38dda4bc45c2cd71d7f851de66f7f85347b52f5e39bcf0c6554ebe"`);
});

it('another seed, even one that is longer by a zero byte, gives other weights', () => {
  const weights = initialWeights(topology, 30, seed);
  expect(initialWeights(topology, 30, `${seed}00`)).not.toEqual(weights);
  expect(initialWeights(topology, 30, `01${seed.slice(2)}`)).not.toEqual(weights);
});

it('kernels fill the Glorot interval evenly and biases are zero', () => {
  const wide: Topology = { layers: [{ kind: 'dense', units: 100, activation: 'linear' }] };
  const weights = initialWeights(wide, 500, seed);
  const limit = Math.sqrt(6 / 600);
  const [kernelPlace, biasPlace] = networkLayers(wide, 500)[0]!.tensors;
  const kernel = weights.subarray(0, kernelPlace!.length);
  const bins = new Float64Array(20);
  for (const weight of kernel) {
    expect(Math.abs(weight)).toBeLessThanOrEqual(Math.fround(limit));
    bins[Math.min(19, Math.floor(((weight / limit + 1) / 2) * 20))]! += 1;
  }
  // Chi-squared with 19 degrees of freedom; 43.8 is passed once in a thousand seeds, and this seed is fixed.
  const expected = kernel.length / 20;
  const chiSquared = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquared).toBeLessThan(43.8);
  expect(weights.subarray(biasPlace!.offset).every((bias) => bias === 0)).toBe(true);
});

it('weights survive the way through bytes, from an unaligned view too', () => {
  const weights = initialWeights(topology, 30, seed);
  const bytes = weightsToBytes(weights);
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  expect(weightsFromBytes(shifted.subarray(1))).toEqual(weights);
  expect(() => weightsFromBytes(bytes.subarray(0, 7))).toThrowError(/multiple of 4/);
});
