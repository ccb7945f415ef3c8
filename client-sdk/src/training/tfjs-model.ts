import { SottoError } from '@sotto/shared/errors';
import {
  denseShapes,
  integerStream,
  modelLayout,
  type DenseShape,
  type DenseTrace,
  type LocalModel,
  type LocalTraining,
  type Loss,
  type Topology,
  type UnitBatch,
} from '@sotto/shared/model';
import { layoutLength } from '@sotto/shared/vector';
import type * as Tf from '@tensorflow/tfjs-core';

type Tensor = Tf.Tensor2D;
type Dense = { kernel: Tensor; bias: Tf.Tensor1D };
type Uniform = () => number;
type Pass = { readonly activations: Tensor[]; readonly outputs: Tensor[]; readonly masks: (Tensor | null)[] };

export type ModelSpec = { readonly topology: Topology; readonly inputs: number; readonly loss: Loss };

/**
 * The model on tfjs operations, float32. One batched pass gives every dense layer's activations and deltas; tfjs's own
 * gradients, which know only sums over the batch, play no part. Every call leaves as many tensors as it found.
 *
 * Products are taken of transposed copies: wasm's matrix product with a transpose flag is 13 to 28 times slower.
 */
export function createTfjsModel(tf: typeof Tf, { topology, inputs, loss }: ModelSpec): LocalModel {
  const shapes = denseShapes(topology, inputs);
  let layers: Dense[] = [];

  function forward(x: Tensor, from: readonly Dense[], uniform: Uniform | null): Pass {
    const pass: Pass = { activations: [], outputs: [], masks: [] };
    let current = x;
    for (const layer of topology.layers) {
      if (layer.kind === 'dense') {
        const { kernel, bias } = layerAt(from, pass.activations.length);
        pass.activations.push(current);
        current = activate(tf, layer.activation, tf.add(tf.matMul(current, kernel), bias));
        pass.outputs.push(current);
        pass.masks.push(null);
      } else if (uniform !== null && layer.rate > 0) {
        const mask = dropoutMask(tf, current.shape, layer.rate, uniform);
        current = tf.mul(current, mask);
        const last = pass.masks.length - 1;
        const before = pass.masks[last];
        if (last >= 0) pass.masks[last] = before ? tf.mul(before, mask) : mask;
      }
    }
    return pass;
  }

  /** Deltas of the dense layers, first layer first. */
  function backward(pass: Pass, from: readonly Dense[], targets: Float32Array): Tensor[] {
    const deltas: Tensor[] = [];
    let delta = lossSlopes(tf, loss, tensorAt(pass.outputs, pass.outputs.length - 1), targets);
    for (let index = shapes.length - 1; index >= 0; index--) {
      deltas[index] = delta;
      if (index === 0) break;
      delta = tf.matMul(delta, tf.transpose(layerAt(from, index).kernel));
      const mask = pass.masks[index - 1];
      if (mask) delta = tf.mul(delta, mask);
      delta = timesSlope(tf, shapeAt(shapes, index - 1).activation, tensorAt(pass.outputs, index - 1), delta);
    }
    return deltas;
  }

  /** One step's new layers; the caller disposes of the old ones. */
  function step(
    from: readonly Dense[],
    start: readonly Dense[],
    batch: Rows,
    settings: LocalTraining,
    uniform: Uniform,
  ): Dense[] {
    return tf.tidy(() => {
      const x = tf.tensor2d(batch.inputs, [batch.targets.length, inputs]);
      const pass = forward(x, from, uniform);
      const deltas = backward(pass, from, batch.targets);
      const rate = settings.learningRate;
      return from.map((layer, index) => {
        const delta = tensorAt(deltas, index);
        const activations = tensorAt(pass.activations, index);
        const count = batch.targets.length;
        const kernelSlope: Tensor = tf.div(tf.matMul(tf.transpose(activations), delta), count);
        const biasSlope: Tf.Tensor1D = tf.div(tf.sum(delta, 0), count);
        const first = layerAt(start, index);
        const pull = <T extends Tf.Tensor>(now: T, then: T): T => tf.mul(tf.sub(now, then), settings.proximal);
        return {
          kernel: tf.sub(layer.kernel, tf.mul(tf.add(kernelSlope, pull(layer.kernel, first.kernel)), rate)),
          bias: tf.sub(layer.bias, tf.mul(tf.add(biasSlope, pull(layer.bias, first.bias)), rate)),
        };
      });
    });
  }

  function requireSet(): readonly Dense[] {
    if (layers.length === 0) throw new SottoError('INVALID_INPUT', 'model: expected weights to be set first, got none');
    return layers;
  }

  return {
    async setWeights(weights) {
      const expected = layoutLength(modelLayout(topology, inputs));
      if (weights.length !== expected) {
        throw new SottoError(
          'INVALID_INPUT',
          `weights: the topology has ${expected} coordinates, got ${weights.length}`,
        );
      }
      disposeAll(layers);
      layers = shapes.map((shape) => ({
        kernel: tf.tensor2d(weights.slice(shape.kernelOffset, shape.biasOffset), [shape.inputs, shape.units]),
        bias: tf.tensor1d(weights.slice(shape.biasOffset, shape.biasOffset + shape.units)),
      }));
    },
    async traces(batch, dropoutSeed) {
      const from = requireSet();
      if (batch.rows === 0) return shapes.map((shape) => emptyTrace(shape));
      const results = tf.tidy(() => {
        const x = tf.tensor2d(batch.inputs, [batch.rows, inputs]);
        const pass = forward(x, from, integerStream(dropoutSeed));
        const deltas = backward(pass, from, batch.targets);
        return shapes.map((_, index) => [tensorAt(pass.activations, index), tensorAt(deltas, index)]);
      });
      const traces = await Promise.all(
        shapes.map(async ({ inputs: width, units }, index): Promise<DenseTrace> => {
          const [activations, deltas] = results[index]!;
          return { activations: await floats(activations!), deltas: await floats(deltas!), inputs: width, units };
        }),
      );
      tf.dispose(results);
      return traces;
    },
    async predict(features, rows) {
      const from = requireSet();
      if (rows === 0) return new Float32Array(0);
      const outputs = tf.tidy(() => {
        const pass = forward(tf.tensor2d(features, [rows, inputs]), from, null);
        return probabilities(tf, loss, tensorAt(pass.outputs, pass.outputs.length - 1));
      });
      const values = await floats(outputs);
      outputs.dispose();
      return values;
    },
    async train(batch, settings, shuffleSeed) {
      const start = requireSet();
      const uniform = integerStream(shuffleSeed);
      const order = Uint32Array.from({ length: batch.rows }, (_, row) => row);
      let current: readonly Dense[] = start;
      for (let epoch = 0; epoch < settings.epochs; epoch++) {
        shuffleInPlace(order, uniform);
        for (let first = 0; first < batch.rows; first += settings.batchSize) {
          const chosen = order.subarray(first, Math.min(batch.rows, first + settings.batchSize));
          const next = step(current, start, rowsOf(batch, chosen), settings, uniform);
          if (current !== start) disposeAll(current);
          current = next;
        }
      }
      const flat = new Float32Array(shapes.reduce((sum, shape) => Math.max(sum, shape.biasOffset + shape.units), 0));
      for (const [index, layer] of current.entries()) {
        const shape = shapeAt(shapes, index);
        flat.set(await floats(layer.kernel), shape.kernelOffset);
        flat.set(await floats(layer.bias), shape.biasOffset);
      }
      if (current !== start) disposeAll(current);
      return flat;
    },
    async dispose() {
      disposeAll(layers);
      layers = [];
    },
  };
}

type Rows = { readonly inputs: Float32Array; readonly targets: Float32Array };

function activate(tf: typeof Tf, kind: DenseShape['activation'], x: Tensor): Tensor {
  switch (kind) {
    case 'linear':
      return x;
    case 'relu':
      return tf.relu(x);
    case 'tanh':
      return tf.tanh(x);
    case 'sigmoid':
      return tf.sigmoid(x);
  }
}

/** Times the activation's derivative, which each activation's own output gives. */
function timesSlope(tf: typeof Tf, kind: DenseShape['activation'], output: Tensor, delta: Tensor): Tensor {
  switch (kind) {
    case 'linear':
      return delta;
    case 'relu':
      return tf.mul(delta, tf.step(output));
    case 'tanh':
      return tf.mul(delta, tf.sub(1, tf.mul(output, output)));
    case 'sigmoid':
      return tf.mul(delta, tf.mul(output, tf.sub(1, output)));
  }
}

function probabilities(tf: typeof Tf, loss: Loss, logits: Tensor): Tensor {
  if (loss === 'binaryCrossEntropy') return tf.sigmoid(logits);
  return loss === 'categoricalCrossEntropy' ? tf.softmax(logits) : tf.clone(logits);
}

function lossSlopes(tf: typeof Tf, loss: Loss, logits: Tensor, targets: Float32Array): Tensor {
  const outputs = logits.shape[1];
  if (loss === 'categoricalCrossEntropy') {
    const wanted = new Float32Array(targets.length * outputs);
    targets.forEach((target, row) => {
      wanted[row * outputs + target] = 1;
    });
    return tf.sub(tf.softmax(logits), tf.tensor2d(wanted, [targets.length, outputs]));
  }
  const wanted = tf.tensor2d(targets, [targets.length, 1]);
  return loss === 'binaryCrossEntropy' ? tf.sub(tf.sigmoid(logits), wanted) : tf.mul(tf.sub(logits, wanted), 2);
}

/** Inverted dropout; draws in the same order as the reference model. */
function dropoutMask(tf: typeof Tf, shape: [number, number], rate: number, uniform: Uniform): Tensor {
  const threshold = rate * 4_294_967_296;
  const values = new Float32Array(shape[0] * shape[1]);
  for (let i = 0; i < values.length; i++) values[i] = uniform() < threshold ? 0 : 1 / (1 - rate);
  return tf.tensor2d(values, shape);
}

/** Fisher–Yates, drawn like the reference model's. */
function shuffleInPlace(order: Uint32Array, uniform: Uniform): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor((uniform() / 4_294_967_296) * (last + 1));
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
}

function rowsOf(batch: UnitBatch, chosen: Uint32Array): Rows {
  const { features } = batch;
  const inputs = new Float32Array(chosen.length * features);
  const targets = new Float32Array(chosen.length);
  chosen.forEach((row, index) => {
    inputs.set(batch.inputs.subarray(row * features, (row + 1) * features), index * features);
    targets[index] = batch.targets[row]!;
  });
  return { inputs, targets };
}

function emptyTrace({ inputs, units }: DenseShape): DenseTrace {
  return { activations: new Float32Array(0), deltas: new Float32Array(0), inputs, units };
}

/** A tensor's values in memory of their own. Not at once: WebGPU cannot. */
async function floats(tensor: Tf.Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data());
}

function disposeAll(layers: readonly Dense[]): void {
  for (const { kernel, bias } of layers) {
    kernel.dispose();
    bias.dispose();
  }
}

function layerAt(layers: readonly Dense[], index: number): Dense {
  const layer = layers[index];
  if (layer === undefined) throw new SottoError('INTERNAL', `model: no dense layer ${index}`);
  return layer;
}

function tensorAt(tensors: readonly Tensor[], index: number): Tensor {
  const tensor = tensors[index];
  if (tensor === undefined) throw new SottoError('INTERNAL', `model: no tensor of dense layer ${index}`);
  return tensor;
}

function shapeAt(shapes: readonly DenseShape[], index: number): DenseShape {
  const shape = shapes[index];
  if (shape === undefined) throw new SottoError('INTERNAL', `model: no shape of dense layer ${index}`);
  return shape;
}
