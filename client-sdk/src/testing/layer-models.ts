import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';

/** A model that can be trained on any backend: its weights are set, its batch is made up, and both are the same each time. */
export type Trainable = {
  /** One step of training; gives the loss before it, then every weight after it, one after the other. */
  trainOnce(): Promise<{ readonly loss: number; readonly weights: Float32Array }>;
  dispose(): void;
};

type Layer = layers.layers.Layer;
type Kind = { readonly input: readonly number[]; readonly layers: () => readonly Layer[]; readonly indices?: number };

const l = layers.layers;
const rows = 4;

/** Numbers between -.5 and .5 that are the same each time; `salt` tells their tables apart. */
export function madeUp(length: number, salt: number): Float32Array {
  let state = (salt * 2_654_435_761 + 12_345) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

const image = [8, 8, 3];
const output = (): Layer => l.dense({ units: 3, activation: 'softmax' });
const head = (): Layer[] => [l.flatten(), output()];
const recurrent = { units: 5, recurrentInitializer: 'glorotUniform' } as const;

/** The kinds of layers that models for tables, images, sequences and text are made of (compare each with tfjs's cpu). */
const kinds: Readonly<Record<string, Kind>> = {
  mlp: { input: [12], layers: () => [l.dense({ units: 16, activation: 'relu' }), output()] },
  dropout: { input: [12], layers: () => [l.dense({ units: 16 }), l.dropout({ rate: 0.4, seed: 7 }), output()] },
  'batch norm': { input: [12], layers: () => [l.dense({ units: 16 }), l.batchNormalization(), output()] },
  'layer norm': { input: [12], layers: () => [l.dense({ units: 16 }), l.layerNormalization(), output()] },
  conv2d: {
    input: image,
    layers: () => [
      l.conv2d({ filters: 6, kernelSize: 3, padding: 'same', activation: 'relu' }),
      l.conv2d({ filters: 5, kernelSize: 3, strides: 2 }),
      ...head(),
    ],
  },
  'max pool': {
    input: image,
    layers: () => [l.conv2d({ filters: 4, kernelSize: 3 }), l.maxPooling2d({ poolSize: 2 }), ...head()],
  },
  'average pool': {
    input: image,
    layers: () => [l.conv2d({ filters: 4, kernelSize: 3 }), l.averagePooling2d({ poolSize: 2 }), ...head()],
  },
  'global pool': {
    input: image,
    layers: () => [l.conv2d({ filters: 4, kernelSize: 3 }), l.globalAveragePooling2d({}), output()],
  },
  depthwise: { input: image, layers: () => [l.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }), ...head()] },
  separable: { input: image, layers: () => [l.separableConv2d({ filters: 5, kernelSize: 3 }), ...head()] },
  'transposed convolution': {
    input: image,
    layers: () => [l.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }), ...head()],
  },
  upsampling: {
    input: image,
    layers: () => [l.upSampling2d({ size: [2, 2] }), l.conv2d({ filters: 3, kernelSize: 3 }), ...head()],
  },
  conv1d: { input: [10, 4], layers: () => [l.conv1d({ filters: 6, kernelSize: 3 }), ...head()] },
  lstm: { input: [6, 4], layers: () => [l.lstm(recurrent), output()] },
  gru: { input: [6, 4], layers: () => [l.gru(recurrent), output()] },
  'bidirectional lstm': {
    input: [6, 4],
    layers: () => [l.bidirectional({ layer: l.lstm(recurrent) as layers.RNN, mergeMode: 'concat' }), output()],
  },
  embedding: { input: [6], indices: 11, layers: () => [l.embedding({ inputDim: 11, outputDim: 5 }), ...head()] },
};

/** Names of the eighteen kinds. */
export const modelKinds: readonly string[] = [...Object.keys(kinds), 'transformer'];

/** A model of the kind, with its weights and its batch, on the backend that is current. */
export function layerModel(kind: string): Trainable {
  if (kind === 'transformer') return transformer();
  const { input, layers: made, indices } = kinds[kind]!;
  const model = layers.sequential();
  made().forEach((layer, index) => {
    if (index === 0) layer.batchInputShape = [null, ...input];
    model.add(layer);
  });
  const start = model.getWeights().map(likeStart);
  model.setWeights(start);
  tf.dispose(start);
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  const values = madeUp(
    input.reduce((product, size) => product * size, rows),
    99,
  );
  const x = tf.tensor(indices === undefined ? values : values.map((value) => Math.floor((value + 0.5) * indices)), [
    rows,
    ...input,
  ]);
  const y = targets();
  return {
    async trainOnce() {
      const loss = (await model.trainOnBatch(x, y)) as number;
      return { loss, weights: joined(model.getWeights().map((weight) => weight.dataSync())) };
    },
    dispose() {
      tf.dispose([x, y]);
      const { optimizer } = model;
      model.dispose();
      optimizer.dispose();
    },
  };
}

/** One-hot rows of three classes. */
function targets(): tf.Tensor2D {
  return tf.tensor2d(
    Float32Array.from({ length: rows * 3 }, (_, index) => (index % 3 === Math.floor(index / 3) % 3 ? 1 : 0)),
    [rows, 3],
  );
}

/** Weights for the start; variances of a norm layer stay positive. */
function likeStart(weight: tf.Tensor, index: number): tf.Tensor {
  const near = weight.dataSync()[0] === 1 && weight.rank === 1 ? 1 : 0;
  return tf.tensor(
    madeUp(weight.size, index + 1).map((value) => near + value),
    weight.shape,
  );
}

function joined(parts: readonly ArrayLike<number>[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

/** A block of attention, residual and norm, in core operations, with Adam: products with flags and of rank 3, gathers. */
function transformer(): Trainable {
  const [length, width] = [5, 6] as const;
  const weights: tf.Tensor2D[] = [];
  const weight = (inputs: number, units: number): tf.Tensor2D => {
    const values = tf.tensor2d(madeUp(inputs * units, weights.length + 1), [inputs, units]);
    const made = tf.variable(values) as tf.Variable<tf.Rank.R2>;
    values.dispose();
    weights.push(made);
    return made;
  };
  const table = weight(11, width);
  const [q, k, v] = [weight(width, width), weight(width, width), weight(width, width)];
  const [wide, narrow, out] = [weight(width, 12), weight(12, width), weight(width, 3)];
  const words = tf.tensor1d(
    Int32Array.from({ length: rows * length }, (_, index) => (index * 7) % 11),
    'int32',
  );
  const y = targets();
  const optimizer = tf.train.adam(0.01);
  const norm = (x: tf.Tensor): tf.Tensor => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
  };
  const loss = (): tf.Scalar => {
    const flat = tf.gather(table, words);
    const project = (by: tf.Tensor2D): tf.Tensor3D => tf.reshape(tf.matMul(flat, by), [rows, length, width]);
    const scores = tf.softmax(tf.div(tf.matMul(project(q), project(k), false, true), Math.sqrt(width)));
    const seen = tf.reshape(tf.matMul(scores, project(v)), [rows * length, width]);
    const first = norm(tf.add(flat, seen)) as tf.Tensor2D;
    const second = norm(tf.add(first, tf.matMul(tf.relu(tf.matMul(first, wide)), narrow)));
    const pooled = tf.mean(tf.reshape(second, [rows, length, width]), 1) as tf.Tensor2D;
    return tf.losses.softmaxCrossEntropy(y, tf.matMul(pooled, out));
  };
  return {
    async trainOnce() {
      const cost = optimizer.minimize(loss, true)!;
      const value = cost.dataSync()[0]!;
      cost.dispose();
      return { loss: value, weights: joined(weights.map((one) => one.dataSync())) };
    },
    dispose() {
      tf.dispose([...weights, words, y]);
      optimizer.dispose();
    },
  };
}
