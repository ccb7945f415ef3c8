import '@tensorflow/tfjs-backend-cpu';
import { referenceModel, topologySchema, type LocalModel } from '@sotto/shared/model';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { keepsRowsApart } from './choose-engine.ts';
import { startLimitMs } from './engine.ts';
import { wasmEngine } from './tfjs-backend.ts';
import { createTfjsModel, type ModelSpec } from './tfjs-model.ts';

const spec: ModelSpec = {
  topology: topologySchema.parse({
    layers: [
      { kind: 'dense', units: 67, activation: 'relu' },
      { kind: 'dropout', rate: 0.3 },
      { kind: 'dense', units: 33, activation: 'tanh' },
      { kind: 'dense', units: 10, activation: 'linear' },
    ],
  }),
  inputs: 61,
  loss: 'categoricalCrossEntropy',
};

const plain = ({ topology, inputs, loss }: ModelSpec): LocalModel => referenceModel(topology, inputs, loss);

// Failure: a row's gradient differs in its last bit when its neighbours in the batch are others. Then one unit changes the
// integers of all, and the sum changes by more than D.
it('plain arrays, tfjs cpu and tfjs wasm compute each row by itself, bit for bit', async () => {
  expect(await keepsRowsApart(plain, spec)).toBe(true);
  await tf.setBackend('cpu');
  expect(await keepsRowsApart((one) => createTfjsModel(tf, one), spec)).toBe(true);
  const wasm = await wasmEngine().start(startLimitMs);
  expect(wasm.backend).toBe('wasm');
  expect(await keepsRowsApart((one) => createTfjsModel(wasm.tf, one), spec)).toBe(true);
});

it('finds an engine whose rounding follows the size of the batch', async () => {
  const blocked = (one: ModelSpec): LocalModel => {
    const model = plain(one);
    return {
      ...model,
      async traces(batch, seed) {
        const traces = await model.traces(batch, seed);
        // One unit in the last place, in batches of an odd size.
        const slip = 1 + (batch.rows % 2) * 2 ** -22;
        return traces.map((trace) => ({ ...trace, deltas: trace.deltas.map((delta) => delta * slip) }));
      },
    };
  };
  expect(await keepsRowsApart(blocked, spec)).toBe(false);
});
