import { describe, expect, it } from 'vitest';
import { integerStream } from './integer-stream.ts';
import { modelLayout } from './layout.ts';
import { referenceModel } from './reference-model.ts';
import type { Topology } from './topology.ts';
import { layoutLength } from '../vector/index.ts';

const topology: Topology = {
  layers: [
    { kind: 'dropout', rate: 0.5 },
    { kind: 'dense', units: 6, activation: 'tanh' },
    { kind: 'dropout', rate: 0.3 },
    { kind: 'dense', units: 5, activation: 'sigmoid' },
    { kind: 'dense', units: 3, activation: 'linear' },
  ],
};
const inputs = 4;
const rows = 3;

async function ready() {
  const next = integerStream(Uint8Array.of(5));
  const normalish = () => (next() + next() + next()) / 2 ** 31 - 3;
  const model = referenceModel(topology, inputs, 'categoricalCrossEntropy');
  await model.setWeights(Float32Array.from({ length: layoutLength(modelLayout(topology, inputs)) }, normalish));
  return { model, features: Float64Array.from({ length: rows * inputs }, normalish) };
}

describe('input gradients', () => {
  it('are the slopes of the weighed outputs by finite differences, row by row, without dropout', async () => {
    const { model, features } = await ready();
    const weigh = (logits: Float64Array) => logits.map((value, i) => (i % 3) - 0.5 + 0.1 * value);
    const weights = weigh(model.logits(features, rows));
    const gradients = model.inputGradients(features, rows, weigh);
    expect(gradients.length).toBe(rows * inputs);
    const step = 1e-5;
    for (let i = 0; i < features.length; i++) {
      const at = (shift: number) => {
        const moved = features.slice();
        moved[i]! += shift;
        return model.logits(moved, rows).reduce((sum, value, output) => sum + weights[output]! * value, 0);
      };
      expect(gradients[i]).toBeCloseTo((at(step) - at(-step)) / (2 * step), 6);
    }
    expect(gradients.some((value) => Math.abs(value) > 0.1)).toBe(true);
  });

  it('leave the features as they were, and refuse others than the width', async () => {
    const { model, features } = await ready();
    const before = features.slice();
    model.inputGradients(features, rows, (logits) => logits);
    expect(features).toEqual(before);
    expect(() => model.inputGradients(features, 2, (logits) => logits)).toThrow('expected 2 rows of 4 inputs, got 12');
  });
});
