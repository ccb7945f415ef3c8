import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layerModel, modelKinds } from '../../testing/layer-models.ts';
import { addWasmOverlay } from './index.ts';

/** Largest difference from cpu after a step, as a part of the largest weight: both round in float32, in another order. */
const tolerance = 2e-5;

describe('all eighteen kinds of models train on wasm with the overlay', () => {
  let remove: () => void;
  beforeAll(async () => {
    tf.enableProdMode();
    await tf.setBackend('wasm');
    remove = addWasmOverlay(tf);
  });
  afterAll(() => remove());

  it('there are eighteen', () => expect(new Set(modelKinds).size).toBe(18));

  it.each(modelKinds)('%s: a step as on cpu, and nothing left behind', async (kind) => {
    const results = [];
    for (const backend of ['cpu', 'wasm']) {
      await tf.setBackend(backend);
      const before = tf.memory().numTensors;
      const model = layerModel(kind);
      const start = tf.memory().numTensors;
      results.push(await model.trainOnce());
      // Slots of an optimizer come with the first step.
      const trained = tf.memory().numTensors;
      expect(trained).toBeGreaterThanOrEqual(start);
      const second = await model.trainOnce();
      expect(second.loss).not.toBe(results.at(-1)!.loss);
      expect(tf.memory().numTensors).toBe(trained);
      model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
    const [cpu, wasm] = results as [(typeof results)[number], (typeof results)[number]];
    expect(Math.abs(wasm.loss - cpu.loss)).toBeLessThan(tolerance * Math.max(1, cpu.loss));
    expect(wasm.weights.length).toBe(cpu.weights.length);
    let [largest, apart] = [0, 0];
    cpu.weights.forEach((weight, index) => {
      largest = Math.max(largest, Math.abs(weight));
      apart = Math.max(apart, Math.abs(weight - wasm.weights[index]!));
    });
    expect(apart).toBeLessThan(tolerance * largest);
  });

  it('stock wasm cannot train seven of them, and can again when the overlay is taken away', async () => {
    remove();
    await tf.setBackend('wasm');
    const failed: string[] = [];
    for (const kind of modelKinds) {
      const model = layerModel(kind);
      await model.trainOnce().catch(() => failed.push(kind));
      model.dispose();
    }
    expect(failed).toContain('conv2d');
    expect(failed).toContain('embedding');
    expect(failed).not.toContain('mlp');
    remove = addWasmOverlay(tf);
    expect(addWasmOverlay(tf)).toBe(remove);
  });
});
