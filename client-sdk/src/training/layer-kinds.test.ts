import { referenceModel } from '@sotto/shared/model';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleNetworks, exampleRows, exampleWeights, expectClose } from '../testing/networks.ts';
import { keepsRowsApart } from './choose-engine.ts';
import { startLimitMs } from './engine.ts';
import { wasmEngine } from './tfjs-backend.ts';
import { createTfjsModel } from './tfjs-model.ts';

const seed = Uint8Array.from({ length: 32 }, (_, index) => index);
const loss = 'categoricalCrossEntropy';
const settings = { epochs: 2, batchSize: 8, learningRate: 0.1, proximal: 0.05 };

for (const backend of ['cpu', 'wasm'] as const) {
  describe(`tfjs on ${backend}`, () => {
    beforeAll(async () => {
      if (backend === 'wasm') expect((await wasmEngine().start(startLimitMs)).backend).toBe('wasm');
      else await tf.setBackend('cpu');
    });

    it.each([...exampleNetworks('same'), ...exampleNetworks('valid').slice(0, 2)])(
      'agrees with the reference model, and leaves no tensor behind: $name',
      async (network) => {
        const { topology, inputs } = network;
        const before = tf.memory().numTensors;
        const model = createTfjsModel(tf, { topology, inputs, loss });
        const reference = referenceModel(topology, inputs, loss);
        const weights = exampleWeights(network);
        const batch = exampleRows(network, 19);
        await model.setWeights(weights);
        await reference.setWeights(weights);
        const set = tf.memory().numTensors;
        const wanted = await reference.traces(batch, seed);
        const traces = await model.traces(batch, seed);
        expect(traces.length).toBe(wanted.length);
        traces.forEach(({ activations, deltas, ...form }, index) => {
          const { activations: wantedActivations, deltas: wantedDeltas, ...wantedForm } = wanted[index]!;
          expect(form).toEqual(wantedForm);
          expectClose(activations, wantedActivations);
          expectClose(deltas, wantedDeltas);
        });
        expectClose(await model.predict(batch.inputs, batch.rows), await reference.predict(batch.inputs, batch.rows));
        const trained = await model.train(batch, settings, seed);
        expectClose(trained, await reference.train(batch, settings, seed));
        const empty = await model.traces(exampleRows(network, 0), seed);
        expect(empty).toEqual(await reference.traces(exampleRows(network, 0), seed));
        expect(tf.memory().numTensors).toBe(set);
        await model.dispose();
        expect(tf.memory().numTensors).toBe(before);
      },
    );

    it.each(exampleNetworks('same'))(
      'computes each row by itself, bit for bit: $name',
      async ({ topology, inputs }) => {
        expect(await keepsRowsApart((one) => createTfjsModel(tf, one), { topology, inputs, loss })).toBe(true);
      },
    );
  });
}

it.each(exampleNetworks('same'))('typed arrays compute each row by itself, bit for bit: $name', async (network) => {
  const { topology, inputs } = network;
  const create = () => referenceModel(topology, inputs, loss);
  expect(await keepsRowsApart(create, { topology, inputs, loss })).toBe(true);
});
