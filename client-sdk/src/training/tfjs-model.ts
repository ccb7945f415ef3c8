import { SottoError } from '@sotto/shared/errors';
import {
  augmenter,
  integerStream,
  networkLayers,
  referenceModel,
  requireWeights,
  type LayerTrace,
  type LearnedRows,
  type LocalModel,
  type LocalTraining,
  type Loss,
  type NetworkLayer,
  type Topology,
  type UnitBatch,
  type WeightTensor,
} from '@sotto/shared/model';
import type { Tfjs } from './engine.ts';
import { tensorStep } from './tensor-layers.ts';
import { tensorSlope } from './tensor-slope.ts';
import type { Tensor, TensorPass, TensorTrace, Uniform } from './tensor-step.ts';

export type ModelSpec = { readonly topology: Topology; readonly inputs: number; readonly loss: Loss };

/** Tensors of every layer, in the order of the layout. */
type Weights = readonly (readonly Tensor[])[];

/**
 * The model on tfjs operations, float32. One batched pass gives every trained layer's activations and deltas; tfjs's own
 * gradients, which know only sums over the batch, play no part. Every call leaves as many tensors as it found.
 */
export function createTfjsModel(tf: Tfjs, { topology, inputs, loss }: ModelSpec): LocalModel {
  const network = networkLayers(topology, inputs);
  const steps = network.map((layer) => tensorStep(tf, layer));
  const firstTrained = network.findIndex(isTrained);
  let weights: Weights = [];

  function forward(x: Tensor, from: Weights, uniform: Uniform | null): { passes: TensorPass[]; outputs: Tensor } {
    let outputs = x;
    const passes = steps.map((step, index) => {
      const pass = step(from[index]!, outputs, uniform);
      ({ outputs } = pass);
      return pass;
    });
    return { passes, outputs };
  }

  /** Traces of the trained layers, first layer first. */
  function tracesOf(from: Weights, features: Float32Array, targets: Float32Array, uniform: Uniform): TensorTrace[] {
    const x = tf.tensor2d(features, [targets.length, inputs]);
    const { passes, outputs } = forward(x, from, uniform);
    const traces: TensorTrace[] = [];
    let slopes: Tensor | null = lossSlopes(tf, loss, outputs, targets);
    for (let index = passes.length - 1; index >= firstTrained && slopes !== null; index--) {
      const found = passes[index]!.backward(slopes, index > firstTrained);
      traces.unshift(...found.traces);
      slopes = found.inputs;
    }
    return traces;
  }

  /** One step's new weights; the caller disposes of the old ones. */
  function trainStep(
    from: Weights,
    start: Weights,
    batch: LearnedRows,
    settings: LocalTraining,
    uniform: Uniform,
  ): Tensor[][] {
    return tf.tidy(() => {
      const count = batch.targets.length;
      const traces = tracesOf(from, batch.inputs, batch.targets, uniform);
      return network.map(({ tensors }, layer) =>
        tensors.map((place, index) => {
          const now = from[layer]![index]!;
          if (place.trainedOffset === null) return tf.clone(now);
          const slope = tf.div(tensorSlope(tf, place, traces), count);
          const pull = tf.mul(tf.sub(now, start[layer]![index]!), settings.proximal);
          return tf.sub(now, tf.mul(tf.add(slope, pull), settings.learningRate));
        }),
      );
    });
  }

  function requireSet(): Weights {
    if (weights.length === 0) {
      throw new SottoError('INVALID_INPUT', 'model: expected weights to be set first, got none');
    }
    return weights;
  }

  return {
    async setWeights(flat) {
      requireWeights(topology, inputs, flat);
      disposeAll(weights);
      weights = network.map(({ tensors }) => tensors.map((place) => tensorOf(tf, place, flat)));
    },
    async traces(batch, dropoutSeed) {
      const from = requireSet();
      const none = batch.rows === 0;
      // tfjs has no batches without rows: the form of the traces is that of a made-up row, which is left out.
      const features = none ? new Float32Array(inputs) : batch.inputs;
      const targets = none ? new Float32Array(1) : batch.targets;
      const forms: TensorTrace['form'][] = [];
      const found = tf.tidy(() =>
        tracesOf(from, features, targets, integerStream(dropoutSeed)).map(({ form, activations, deltas }) => {
          forms.push(form);
          return [activations, deltas];
        }),
      );
      const values = async (tensor: Tensor): Promise<Float32Array> => (none ? new Float32Array(0) : floats(tensor));
      const traces = await Promise.all(
        forms.map(async (form, index): Promise<LayerTrace> => {
          const [activations, deltas] = found[index]!;
          return { ...form, activations: await values(activations!), deltas: await values(deltas!) };
        }),
      );
      tf.dispose(found);
      return traces;
    },
    async predict(features, rows) {
      const from = requireSet();
      if (rows === 0) return new Float32Array(0);
      const outputs = tf.tidy(() =>
        probabilities(tf, loss, forward(tf.tensor2d(features, [rows, inputs]), from, null).outputs),
      );
      const values = await floats(outputs);
      outputs.dispose();
      return values;
    },
    async train(batch, settings, shuffleSeed) {
      const start = requireSet();
      const uniform = integerStream(shuffleSeed);
      const augment = augmenter(settings.augmentation, shuffleSeed) ?? ((rows: LearnedRows) => rows);
      const order = Uint32Array.from({ length: batch.rows }, (_, row) => row);
      let current = start;
      const step = (rows: LearnedRows): void => {
        const next = trainStep(current, start, rows, settings, uniform);
        if (current !== start) disposeAll(current);
        current = next;
      };
      const { adversarial } = settings;
      const attacked = adversarial === undefined ? null : referenceModel(topology, inputs, loss);
      for (let epoch = 0; epoch < settings.epochs; epoch++) {
        shuffleInPlace(order, uniform);
        for (let first = 0; first < batch.rows; first += settings.batchSize) {
          const chosen = order.subarray(first, Math.min(batch.rows, first + settings.batchSize));
          const rows = augment(rowsOf(batch, chosen));
          if (adversarial?.clean !== false) step(rows);
          if (adversarial === undefined || attacked === null) continue;
          await attacked.setWeights(await flatOf(network, current));
          step({ ...rows, inputs: adversarial.perturb(attacked, rows.inputs, rows.targets) });
        }
      }
      const flat = await flatOf(network, current);
      if (current !== start) disposeAll(current);
      return flat;
    },
    async dispose() {
      disposeAll(weights);
      weights = [];
    },
  };
}

function isTrained({ tensors }: NetworkLayer): boolean {
  return tensors.some(({ trainedOffset }) => trainedOffset !== null);
}

function tensorOf(tf: Tfjs, { offset, length, shape }: WeightTensor, flat: Float32Array): Tensor {
  return tf.tensor(flat.slice(offset, offset + length), [...shape]);
}

async function flatOf(network: readonly NetworkLayer[], weights: Weights): Promise<Float32Array> {
  const places = network.flatMap(({ tensors }) => tensors);
  const flat = new Float32Array(places.reduce((sum, { length }) => sum + length, 0));
  for (const [index, tensor] of weights.flat().entries()) flat.set(await floats(tensor), places[index]!.offset);
  return flat;
}

function probabilities(tf: Tfjs, loss: Loss, logits: Tensor): Tensor {
  if (loss === 'binaryCrossEntropy') return tf.sigmoid(logits);
  return loss === 'categoricalCrossEntropy' ? tf.softmax(logits) : tf.clone(logits);
}

function lossSlopes(tf: Tfjs, loss: Loss, logits: Tensor, targets: Float32Array): Tensor {
  const outputs = logits.shape[1]!;
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

/** Fisher–Yates, drawn like the reference model's. */
function shuffleInPlace(order: Uint32Array, uniform: Uniform): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor((uniform() / 4_294_967_296) * (last + 1));
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
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

/** A tensor's values in memory of their own. Not at once: WebGPU cannot. */
async function floats(tensor: Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data());
}

function disposeAll(weights: Weights): void {
  for (const tensor of weights.flat()) tensor.dispose();
}
