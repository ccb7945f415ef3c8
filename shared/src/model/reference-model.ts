import { SottoError } from '../errors/index.ts';
import { layoutLength } from '../vector/index.ts';
import { augmenter, type LearnedRows } from './augmentation.ts';
import type { DifferentiableModel } from './differentiable-model.ts';
import { integerStream } from './integer-stream.ts';
import { networkLayers, requireWeights, sizeOf, trainedLayout } from './layout.ts';
import type { LayerTrace, LocalModel, LocalTraining } from './local-model.ts';
import { lossSlopes, lossValues, toProbabilities } from './network/loss.ts';
import { backward, createNetwork, forward, inputSlopes, type Network } from './network/network.ts';
import type { ExactTrace } from './network/step.ts';
import type { Loss, Topology } from './topology.ts';
import { trainedRanges, type TrainedRange } from './trained-part.ts';
import { unitGradients } from './unit-gradients.ts';
import type { UnitBatch } from './units.ts';

/** A {@link LocalModel} that also gives each row's loss, and the derivatives of its outputs by its inputs. */
export type ReferenceModel = LocalModel &
  DifferentiableModel & {
    /** Loss of each row at the set weights, without dropout, float64 [rows]. */
    losses(batch: UnitBatch): Float64Array;
  };

type Learner = {
  readonly inputs: number;
  readonly network: Network;
  readonly outputs: number;
  readonly loss: Loss;
  readonly trained: readonly TrainedRange[];
  /** Coordinates that are trained. */
  readonly dimension: number;
};

/**
 * The model in plain typed arrays, float64 inside: what other engines are tested against, and quick for small models.
 * Every result is a function of its arguments alone, the same on every platform.
 *
 * @param inputs - width of the model's input.
 * @throws {INVALID_INPUT} from its methods, when weights or a batch do not fit or no weights were set.
 */
export function referenceModel(topology: Topology, inputs: number, loss: Loss): ReferenceModel {
  const learner: Learner = {
    inputs,
    network: createNetwork(topology, inputs),
    outputs: sizeOf(networkLayers(topology, inputs).at(-1)?.outputShape ?? [inputs]),
    loss,
    trained: trainedRanges(topology, inputs),
    dimension: layoutLength(trainedLayout(topology, inputs)),
  };
  let set: Float64Array | null = null;

  const weightsNow = (): Float64Array => {
    if (set === null) throw new SottoError('INVALID_INPUT', 'model: expected weights to be set first, got none');
    return set;
  };
  const differentiable = differentiableAt(learner, weightsNow);
  const logitsOf = (features: Float32Array, rows: number): Float64Array =>
    differentiable.logits(Float64Array.from(features), rows);

  return {
    ...differentiable,
    async setWeights(weights) {
      requireWeights(topology, inputs, weights);
      // The same memory in every round: results never keep it.
      if (set === null) set = new Float64Array(weights);
      else set.set(weights);
    },
    async traces(batch, dropoutSeed) {
      requireFeatures(batch.inputs.length, batch.rows, inputs);
      const { inputs: features, targets } = batch;
      return rounded(tracesOf(learner, weightsNow(), features, targets, integerStream(dropoutSeed)));
    },
    async predict(features, rows) {
      const logits = logitsOf(features, rows);
      toProbabilities(loss, logits, learner.outputs);
      return Float32Array.from(logits);
    },
    async train(batch, settings, shuffleSeed) {
      requireFeatures(batch.inputs.length, batch.rows, inputs);
      return trainLocally(learner, weightsNow(), batch, settings, shuffleSeed);
    },
    losses(batch) {
      return lossValues(loss, logitsOf(batch.inputs, batch.rows), batch.targets, learner.outputs);
    },
    async dispose() {
      set = null;
    },
  };
}

/** The model at weights that may be others each time. */
function differentiableAt({ inputs, network, outputs }: Learner, weightsNow: () => Float64Array): DifferentiableModel {
  return {
    inputs,
    outputs,
    logits(features, rows) {
      requireFeatures(features.length, rows, inputs);
      return Float64Array.from(forward(network, weightsNow(), features, rows, null).outputs);
    },
    inputGradients(features, rows, slopesOf) {
      requireFeatures(features.length, rows, inputs);
      const pass = forward(network, weightsNow(), features, rows, null);
      return inputSlopes(network, pass, slopesOf(Float64Array.from(pass.outputs)));
    },
  };
}

function tracesOf(
  { network, loss, outputs }: Learner,
  weights: Float64Array,
  features: Float32Array,
  targets: Float32Array,
  uniform: () => number,
): readonly ExactTrace[] {
  const pass = forward(network, weights, new Float64Array(features), targets.length, uniform);
  return backward(network, pass, lossSlopes(loss, pass.outputs, targets, outputs));
}

/** Traces as other engines give them; an array that several share is rounded once. */
function rounded(traces: readonly ExactTrace[]): readonly LayerTrace[] {
  const known = new Map<Float64Array, Float32Array>();
  const narrow = (values: Float64Array): Float32Array => {
    const floats = known.get(values) ?? new Float32Array(values);
    known.set(values, floats);
    return floats;
  };
  return traces.map((trace) => ({
    ...trace,
    activations: narrow(trace.activations),
    deltas: narrow(trace.deltas),
  }));
}

/** Minibatch SGD on mean loss + proximal / 2 · |w - w₀|². Li et al. 2020 (FedProx), eq. 2. */
function trainLocally(
  learner: Learner,
  start: Float64Array,
  batch: UnitBatch,
  settings: LocalTraining,
  seed: Uint8Array,
): Float32Array {
  const uniform = integerStream(seed);
  const augment = augmenter(settings.augmentation, seed) ?? ((rows: LearnedRows) => rows);
  const weights = Float64Array.from(start);
  const { learningRate, proximal, adversarial } = settings;
  const now = differentiableAt(learner, () => weights);
  const step = (inputs: Float32Array, targets: Float32Array): void => {
    const traces = tracesOf(learner, weights, inputs, targets, uniform);
    // The gradient of one unit that owns every row is the sum over them all.
    const whole = { units: 1, rows: targets.length, rowOffsets: Uint32Array.of(0, targets.length) };
    unitGradients(traces, learner.dimension, whole, (gradient) => {
      for (const { offset, trainedOffset, length } of learner.trained) {
        for (let i = 0; i < length; i++) {
          const weight = weights[offset + i]!;
          const pull = proximal * (weight - start[offset + i]!);
          weights[offset + i] = weight - learningRate * (gradient[trainedOffset + i]! / targets.length + pull);
        }
      }
    });
  };
  const order = Uint32Array.from({ length: batch.rows }, (_, row) => row);
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    shuffleInPlace(order, uniform);
    for (let first = 0; first < batch.rows; first += settings.batchSize) {
      const chosen = order.subarray(first, Math.min(batch.rows, first + settings.batchSize));
      const { inputs, targets } = augment(rowsOf(batch, chosen));
      if (adversarial?.clean !== false) step(inputs, targets);
      if (adversarial !== undefined) step(adversarial.perturb(now, inputs, targets), targets);
    }
  }
  return Float32Array.from(weights);
}

function rowsOf(batch: UnitBatch, chosen: Uint32Array): LearnedRows {
  const { features } = batch;
  const inputs = new Float32Array(chosen.length * features);
  const targets = new Float32Array(chosen.length);
  chosen.forEach((row, index) => {
    inputs.set(batch.inputs.subarray(row * features, (row + 1) * features), index * features);
    targets[index] = batch.targets[row]!;
  });
  return { inputs, targets };
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
