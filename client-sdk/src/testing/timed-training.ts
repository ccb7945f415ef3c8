import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { addWasmOverlay } from '../training/wasm-overlay/index.ts';
import { madeUp } from './layer-models.ts';

export type TimedModel = 'mlp' | 'cnn';
export type TimedEngine = 'cpu' | 'wasm' | 'wasm with overlay';

const rows = 32;

/** 784-128-10, or two convolutions of 32 and 64 filters with pooling and a dense layer of 128, as tfjs users write them. */
function build(kind: TimedModel): layers.Sequential {
  const { layers: l } = layers;
  const convolution = { kernelSize: 3, padding: 'same', activation: 'relu' } as const;
  const model = layers.sequential({
    layers:
      kind === 'mlp'
        ? [l.dense({ units: 128, activation: 'relu', inputShape: [784] })]
        : [
            l.conv2d({ ...convolution, filters: 32, inputShape: [28, 28, 1] }),
            l.maxPooling2d({ poolSize: 2 }),
            l.conv2d({ ...convolution, filters: 64 }),
            l.maxPooling2d({ poolSize: 2 }),
            l.flatten(),
            l.dense({ units: 128, activation: 'relu' }),
          ],
  });
  model.add(l.dense({ units: 10, activation: 'softmax' }));
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  return model;
}

/**
 * Rows a second of training in batches of 32, by `trainOnBatch`, which reads the loss back; the first step is not counted. The
 * overlay is there for one engine alone.
 */
export async function trainedPerSecond(kind: TimedModel, engine: TimedEngine, steps: number): Promise<number> {
  tf.enableProdMode();
  await tf.setBackend(engine === 'cpu' ? 'cpu' : 'wasm');
  const remove = engine === 'wasm with overlay' ? addWasmOverlay(tf) : () => undefined;
  const model = build(kind);
  const x = tf.tensor(madeUp(rows * 784, 1), kind === 'mlp' ? [rows, 784] : [rows, 28, 28, 1]);
  const y = tf.tidy(() => tf.cast(tf.oneHot(tf.range(0, rows, 1, 'int32'), 10), 'float32'));
  try {
    await model.trainOnBatch(x, y);
    const begun = performance.now();
    for (let step = 0; step < steps; step++) await model.trainOnBatch(x, y);
    return (1_000 * rows * steps) / (performance.now() - begun);
  } finally {
    const { optimizer } = model;
    model.dispose();
    optimizer.dispose();
    tf.dispose([x, y]);
    remove();
  }
}
