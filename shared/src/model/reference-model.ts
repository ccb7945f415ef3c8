import { SottoError } from '../errors/index.ts';
import type { DifferentiableModel } from './differentiable-model.ts';
import { integerStream } from './integer-stream.ts';
import { denseShapes, requireWeights, type DenseShape } from './layout.ts';
import type { LocalModel, LocalTraining } from './local-model.ts';
import {
  backward,
  forward,
  inputSlopes,
  lossSlopes,
  lossValues,
  networkSteps,
  toProbabilities,
  type NetworkStep,
} from './network.ts';
import type { Loss, Topology } from './topology.ts';
import type { UnitBatch } from './units.ts';

/** A {@link LocalModel} that also gives each row's loss, and the derivatives of its outputs by its inputs. */
export type ReferenceModel = LocalModel &
  DifferentiableModel & {
    /** Loss of each row at the set weights, without dropout, float64 [rows]. */
    losses(batch: UnitBatch): Float64Array;
  };

type Network = {
  readonly steps: readonly NetworkStep[];
  readonly shapes: readonly DenseShape[];
  readonly outputs: number;
  readonly loss: Loss;
};

/**
 * The model in plain typed arrays, float64 inside: what other engines are tested against, and quick for small models.
 * Every result is a function of its arguments alone, the same on every platform.
 *
 * @param inputs - width of the model's input.
 * @throws {INVALID_INPUT} from its methods, when weights or a batch do not fit or no weights were set.
 */
export function referenceModel(topology: Topology, inputs: number, loss: Loss): ReferenceModel {
  const shapes = denseShapes(topology, inputs);
  const steps = networkSteps(topology, shapes);
  const network: Network = { steps, shapes, outputs: shapes.at(-1)?.units ?? inputs, loss };
  let set: Float64Array | null = null;

  const weightsNow = (): Float64Array => {
    if (set === null) throw new SottoError('INVALID_INPUT', 'model: expected weights to be set first, got none');
    return set;
  };
  const logitsOf = (features: Float32Array | Float64Array, rows: number): Float64Array => {
    requireFeatures(features.length, rows, inputs);
    const pass = forward(steps, weightsNow(), Float64Array.from(features), rows, null);
    return Float64Array.from(pass.outputs.at(-1) ?? []);
  };

  return {
    inputs,
    outputs: network.outputs,
    async setWeights(weights) {
      requireWeights(topology, inputs, weights);
      // The same memory in every round: results never keep it.
      if (set === null) set = new Float64Array(weights);
      else set.set(weights);
    },
    async traces(batch, dropoutSeed) {
      requireFeatures(batch.inputs.length, batch.rows, inputs);
      const { pass, deltas } = slopes(network, weightsNow(), batch.inputs, batch.targets, integerStream(dropoutSeed));
      return shapes.map((shape, index) => ({
        activations: new Float32Array(pass.inputs[index]!),
        deltas: new Float32Array(deltas[index]!),
        inputs: shape.inputs,
        units: shape.units,
      }));
    },
    async predict(features, rows) {
      const logits = logitsOf(features, rows);
      toProbabilities(loss, logits, network.outputs);
      return Float32Array.from(logits);
    },
    async train(batch, settings, shuffleSeed) {
      requireFeatures(batch.inputs.length, batch.rows, inputs);
      return trainLocally(network, weightsNow(), batch, settings, integerStream(shuffleSeed));
    },
    losses(batch) {
      return lossValues(loss, logitsOf(batch.inputs, batch.rows), batch.targets, network.outputs);
    },
    logits: logitsOf,
    inputGradients(features, rows, slopesOf) {
      requireFeatures(features.length, rows, inputs);
      const pass = forward(steps, weightsNow(), features, rows, null);
      const slopes = slopesOf(Float64Array.from(pass.outputs.at(-1) ?? features));
      return inputSlopes(shapes, weightsNow(), pass, slopes, rows);
    },
    async dispose() {
      set = null;
    },
  };
}

function slopes(
  network: Network,
  weights: Float64Array,
  features: Float32Array,
  targets: Float32Array,
  uniform: () => number,
) {
  const rows = targets.length;
  const pass = forward(network.steps, weights, new Float64Array(features), rows, uniform);
  const logits = pass.outputs.at(-1) ?? new Float64Array(0);
  const deltas = backward(
    network.shapes,
    weights,
    pass,
    lossSlopes(network.loss, logits, targets, network.outputs),
    rows,
  );
  return { pass, deltas };
}

/** Minibatch SGD on mean loss + proximal / 2 · |w - w₀|². Li et al. 2020 (FedProx), eq. 2. */
function trainLocally(
  network: Network,
  start: Float64Array,
  batch: UnitBatch,
  settings: LocalTraining,
  uniform: () => number,
): Float32Array {
  const weights = Float64Array.from(start);
  const gradient = new Float64Array(weights.length);
  const order = Uint32Array.from({ length: batch.rows }, (_, row) => row);
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    shuffleInPlace(order, uniform);
    for (let first = 0; first < batch.rows; first += settings.batchSize) {
      const chosen = order.subarray(first, Math.min(batch.rows, first + settings.batchSize));
      meanGradient(network, weights, batch, chosen, uniform, gradient);
      for (let i = 0; i < weights.length; i++) {
        const pull = settings.proximal * (weights[i]! - start[i]!);
        weights[i]! -= settings.learningRate * (gradient[i]! + pull);
      }
    }
  }
  return Float32Array.from(weights);
}

function meanGradient(
  network: Network,
  weights: Float64Array,
  batch: UnitBatch,
  chosen: Uint32Array,
  uniform: () => number,
  gradient: Float64Array,
): void {
  const { features } = batch;
  const inputs = new Float32Array(chosen.length * features);
  const targets = new Float32Array(chosen.length);
  chosen.forEach((row, index) => {
    inputs.set(batch.inputs.subarray(row * features, (row + 1) * features), index * features);
    targets[index] = batch.targets[row]!;
  });
  const { pass, deltas } = slopes(network, weights, inputs, targets, uniform);
  gradient.fill(0);
  network.shapes.forEach((shape, layer) => {
    const activations = pass.inputs[layer]!;
    const delta = deltas[layer]!;
    for (let row = 0; row < chosen.length; row++) {
      for (let i = 0; i < shape.inputs; i++) {
        const activation = activations[row * shape.inputs + i]!;
        const offset = shape.kernelOffset + i * shape.units;
        for (let j = 0; j < shape.units; j++) gradient[offset + j]! += activation * delta[row * shape.units + j]!;
      }
      for (let j = 0; j < shape.units; j++) gradient[shape.biasOffset + j]! += delta[row * shape.units + j]!;
    }
  });
  for (let i = 0; i < gradient.length; i++) gradient[i]! /= chosen.length;
}

/** Fisher–Yates; the bias of scaling a 32-bit integer, below rows / 2^32, is of no matter to a shuffle of rows. */
function shuffleInPlace(order: Uint32Array, uniform: () => number): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor((uniform() / 4_294_967_296) * (last + 1));
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
}

function requireFeatures(values: number, rows: number, inputs: number): void {
  if (values !== rows * inputs) {
    throw new SottoError('INVALID_INPUT', `batch: expected ${rows} rows of ${inputs} inputs, got ${values} values`);
  }
}
