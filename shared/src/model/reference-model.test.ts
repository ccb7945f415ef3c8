import { describe, expect, it } from 'vitest';
import { initialWeights } from './initial-weights.ts';
import { integerStream } from './integer-stream.ts';
import type { LocalTraining } from './local-model.ts';
import { referenceModel } from './reference-model.ts';
import type { Topology } from './topology.ts';
import { unitGradients } from './unit-gradients.ts';
import type { UnitBatch } from './units.ts';

const seed = Uint8Array.of(1, 2, 3, 4);
const topology: Topology = {
  layers: [
    { kind: 'dense', units: 8, activation: 'tanh' },
    { kind: 'dense', units: 1, activation: 'linear' },
  ],
};
const settings: LocalTraining = { epochs: 1, batchSize: 16, learningRate: 0.5, proximal: 0 };

/** Two features; the target is whether their product is positive, which no linear model learns. */
function quadrants(rows: number): UnitBatch {
  const next = integerStream(Uint8Array.of(9));
  const inputs = Float32Array.from({ length: 2 * rows }, () => next() / 2 ** 31 - 1);
  return {
    units: rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
    rows,
    inputs,
    features: 2,
    targets: Float32Array.from({ length: rows }, (_, row) => (inputs[2 * row]! * inputs[2 * row + 1]! > 0 ? 1 : 0)),
  };
}

async function ready(layers = topology) {
  const model = referenceModel(layers, 2, 'binaryCrossEntropy');
  const weights = initialWeights(layers, 2, 'ab');
  await model.setWeights(weights);
  return { model, weights };
}

describe('reference model', () => {
  it('learns what no linear model can', async () => {
    const { model } = await ready();
    const batch = quadrants(400);
    const trained = await model.train(batch, { ...settings, epochs: 200 }, seed);
    await model.setWeights(trained);
    const scores = await model.predict(batch.inputs, batch.rows);
    const right = scores.filter((score, row) => score > 0.5 === (batch.targets[row] === 1)).length;
    expect(right / batch.rows).toBeGreaterThan(0.95);
  });

  it('makes one full-batch epoch the mean gradient step, and leaves the set weights', async () => {
    const { model, weights } = await ready();
    const batch = quadrants(20);
    const mean = new Float64Array(weights.length);
    unitGradients(await model.traces(batch, seed), weights.length, batch, (gradient) =>
      gradient.forEach((value, i) => (mean[i]! += value / batch.rows)),
    );
    const trained = await model.train(batch, { ...settings, batchSize: 100, proximal: 3 }, seed);
    trained.forEach((weight, i) => expect(weight).toBeCloseTo(weights[i]! - 0.5 * mean[i]!, 6));
    expect(await model.train(batch, { ...settings, batchSize: 100, proximal: 3 }, seed)).toEqual(trained);
  });

  it('stays nearer to the start with a larger proximal term', async () => {
    const { model, weights } = await ready();
    const batch = quadrants(200);
    const distances: number[] = [];
    for (const proximal of [0, 0.1, 1]) {
      const trained = await model.train(batch, { ...settings, epochs: 30, proximal }, seed);
      distances.push(Math.hypot(...trained.map((weight, i) => weight - weights[i]!)));
    }
    expect(distances[0]).toBeGreaterThan(distances[1]!);
    expect(distances[1]).toBeGreaterThan(distances[2]!);
  });

  it('shuffles by the seed', async () => {
    const { model } = await ready();
    const batch = quadrants(50);
    const first = await model.train(batch, settings, seed);
    expect(await model.train(batch, settings, seed)).toEqual(first);
    expect(await model.train(batch, settings, Uint8Array.of(5))).not.toEqual(first);
  });

  it('gives the start back for a batch without rows', async () => {
    const { model, weights } = await ready();
    expect(await model.train(quadrants(0), settings, seed)).toEqual(weights);
    expect(await model.predict(new Float32Array(0), 0)).toHaveLength(0);
    expect((await model.traces(quadrants(0), seed)).map((trace) => trace.deltas.length)).toEqual([0, 0]);
  });

  it('drops the stated share of activations, keeps their mean, and only in training', async () => {
    const layers: Topology = {
      layers: [
        { kind: 'dropout', rate: 0.25 },
        { kind: 'dense', units: 1, activation: 'linear' },
      ],
    };
    const model = referenceModel(layers, 2, 'binaryCrossEntropy');
    await model.setWeights(Float32Array.of(1, 1, 0));
    const ones: UnitBatch = { ...quadrants(20_000), inputs: new Float32Array(40_000).fill(1) };
    const [trace] = await model.traces(ones, seed);
    const dropped = trace!.activations.filter((value) => value === 0).length / 40_000;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.01);
    expect(trace!.activations.every((value) => value === 0 || value === Math.fround(4 / 3))).toBe(true);
    const other = await model.traces(ones, Uint8Array.of(8));
    expect(other[0]!.activations).not.toEqual(trace!.activations);
    expect(new Set(await model.predict(ones.inputs, ones.rows)).size).toBe(1);
  });

  it('is stable for huge logits', async () => {
    for (const [loss, outputs] of [
      ['binaryCrossEntropy', 1],
      ['categoricalCrossEntropy', 3],
    ] as const) {
      const layers: Topology = { layers: [{ kind: 'dense', units: outputs, activation: 'linear' }] };
      const model = referenceModel(layers, 1, loss);
      await model.setWeights(Float32Array.from([1e6, -1e6, 5e5].slice(0, outputs).concat([0, 0, 0].slice(0, outputs))));
      const batch: UnitBatch = {
        units: 2,
        rowOffsets: Uint32Array.of(0, 1, 2),
        rows: 2,
        inputs: Float32Array.of(1, -1),
        features: 1,
        targets: Float32Array.of(1, 1),
      };
      const losses = model.losses(batch);
      expect(losses.every((value) => Number.isFinite(value))).toBe(true);
      expect(Math.max(...losses)).toBeGreaterThan(4e5);
      const scores = await model.predict(batch.inputs, 2);
      expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
    }
  });

  it('refuses weights and batches that do not fit, and work before weights are set', async () => {
    const model = referenceModel(topology, 2, 'binaryCrossEntropy');
    await expect(model.predict(new Float32Array(2), 1)).rejects.toThrowError(/weights to be set first/);
    await expect(model.setWeights(new Float32Array(3))).rejects.toThrowError(/33 coordinates, got 3/);
    await model.setWeights(initialWeights(topology, 2, '00'));
    await expect(model.predict(new Float32Array(3), 2)).rejects.toThrowError(/2 rows of 2 inputs, got 3/);
  });
});
