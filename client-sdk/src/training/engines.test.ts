import {
  initialWeights,
  referenceModel,
  topologySchema,
  type LocalModel,
  type Loss,
  type UnitBatch,
  type LocalTraining,
} from '@sotto/shared/model';
import { createSeededRandom } from '@sotto/shared/random';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { chooseEngine } from './choose-engine.ts';
import { startLimitMs } from './engine.ts';
import { wasmEngine } from './tfjs-backend.ts';
import { createTfjsModel } from './tfjs-model.ts';

const inputs = 7;
const seed = Uint8Array.from({ length: 32 }, (_, index) => index);

function network(outputs: number) {
  return topologySchema.parse({
    layers: [
      { kind: 'dense', units: 9, activation: 'relu' },
      { kind: 'dropout', rate: 0.25 },
      { kind: 'dense', units: 6, activation: 'tanh' },
      { kind: 'dense', units: 5, activation: 'sigmoid' },
      { kind: 'dense', units: outputs, activation: 'linear' },
    ],
  });
}

function rows(count: number, classes: number): UnitBatch {
  const words = new Uint32Array(count * inputs + count);
  createSeededRandom('engines').words(words);
  return {
    units: count,
    rowOffsets: Uint32Array.from({ length: count + 1 }, (_, row) => row),
    rows: count,
    inputs: Float32Array.from(words.subarray(0, count * inputs), (word) => word / 2 ** 31 - 1),
    features: inputs,
    targets: Float32Array.from(words.subarray(count * inputs), (word) =>
      classes === 1 ? word / 2 ** 32 : word % classes,
    ),
  };
}

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>) {
  expect(actual.length).toBe(wanted.length);
  let largest = 1e-3;
  for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(wanted[i]!));
  for (let i = 0; i < wanted.length; i++) expect(Math.abs(actual[i]! - wanted[i]!)).toBeLessThan(1e-4 * largest);
}

const cases: readonly { loss: Loss; outputs: number; classes: number }[] = [
  { loss: 'binaryCrossEntropy', outputs: 1, classes: 2 },
  { loss: 'categoricalCrossEntropy', outputs: 4, classes: 4 },
  { loss: 'meanSquaredError', outputs: 1, classes: 1 },
];

async function compare(model: LocalModel, { loss, outputs, classes }: (typeof cases)[number]) {
  const topology = network(outputs);
  const reference = referenceModel(topology, inputs, loss);
  const weights = initialWeights(topology, inputs, '0b'.repeat(32));
  const batch = rows(33, classes);
  await model.setWeights(weights);
  await reference.setWeights(weights);
  const wanted = await reference.traces(batch, seed);
  const traces = await model.traces(batch, seed);
  expect(traces.map((trace) => [trace.form === 'outer' && trace.inputs, trace.units])).toEqual([
    [7, 9],
    [9, 6],
    [6, 5],
    [5, outputs],
  ]);
  traces.forEach((trace, index) => {
    expectClose(trace.activations, wanted[index]!.activations);
    expectClose(trace.deltas, wanted[index]!.deltas);
  });
  expectClose(await model.predict(batch.inputs, batch.rows), await reference.predict(batch.inputs, batch.rows));
  const settings = { epochs: 3, batchSize: 8, learningRate: 0.1, proximal: 0.05 };
  const trained = await model.train(batch, settings, seed);
  expectClose(trained, await reference.train(batch, settings, seed));
  expect(trained).not.toEqual(weights);
  expect(await model.train(batch, settings, seed)).toEqual(trained);
  const adversarial = { clean: true, perturb };
  const hardened = await model.train(batch, { ...settings, adversarial }, seed);
  expectClose(hardened, await reference.train(batch, { ...settings, adversarial }, seed));
  expect(hardened).not.toEqual(trained);
  const classTargets = loss === 'categoricalCrossEntropy';
  const augmented = { ...settings, augmentation: { noise: 0.3, places: [0, 4], mixup: 0.4, classTargets } };
  const mixed = await model.train(batch, augmented, seed);
  expectClose(mixed, await reference.train(batch, augmented, seed));
  expect(mixed).not.toEqual(trained);
}

/** Moves rows up or down their slope of one logit, smoothly, so that engines that round apart still move them alike. */
const perturb: NonNullable<LocalTraining['adversarial']>['perturb'] = (model, features, targets) => {
  const at = Float64Array.from(features);
  const slopes = model.inputGradients(at, targets.length, (logits) =>
    logits.map((_, i) => Number(i % model.outputs === 0)),
  );
  return features.map((value, i) => value + 0.1 * slopes[i]!);
};

for (const backend of ['cpu', 'wasm'] as const) {
  describe(`tfjs on ${backend}`, () => {
    beforeAll(async () => {
      if (backend === 'wasm') expect((await wasmEngine().start(startLimitMs)).backend).toBe('wasm');
      else await tf.setBackend('cpu');
    });

    it.each(cases)('agrees with the reference model and with itself: $loss', async (one) => {
      const model = createTfjsModel(tf, { topology: network(one.outputs), inputs, loss: one.loss });
      await compare(model, one);
      await model.dispose();
    });

    it('leaves no tensor behind', async () => {
      const before = tf.memory().numTensors;
      const topology = network(1);
      const model = createTfjsModel(tf, { topology, inputs, loss: 'binaryCrossEntropy' });
      const batch = rows(20, 2);
      await model.setWeights(initialWeights(topology, inputs, '0c'.repeat(32)));
      const set = tf.memory().numTensors;
      for (let round = 0; round < 3; round++) {
        await model.traces(batch, seed);
        await model.predict(batch.inputs, batch.rows);
        await model.train(batch, { epochs: 2, batchSize: 8, learningRate: 0.1, proximal: 0.1 }, seed);
      }
      expect(tf.memory().numTensors).toBe(set);
      await model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    it('gives empty traces for a batch without rows', async () => {
      const topology = network(1);
      const model = createTfjsModel(tf, { topology, inputs, loss: 'binaryCrossEntropy' });
      await model.setWeights(initialWeights(topology, inputs, '0c'.repeat(32)));
      const traces = await model.traces(rows(0, 2), seed);
      expect(traces.map(({ deltas }) => deltas.length)).toEqual([0, 0, 0, 0]);
      await model.dispose();
    });
  });
}

it('the engine that is chosen by a trial computes what the reference computes, and says why it was chosen', async () => {
  const one = cases[1]!;
  const spec = { topology: network(one.outputs), inputs, loss: one.loss };
  const search = { candidates: [wasmEngine()], rowsApart: true, nowMs: () => performance.now() };
  const { model, choice } = await chooseEngine(spec, search);
  expect(choice.reason).toMatch(/ms with typed arrays/);
  await compare(model, one);
  const failure = await model.setWeights(new Float32Array(3)).catch((error: unknown) => error);
  expect(String(failure)).toContain('weights');
  await model.dispose();
});
