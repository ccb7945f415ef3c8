import { exp, log } from './elementary.ts';
import type { DenseShape } from './layout.ts';
import type { Layer, Loss, Topology } from './topology.ts';

type Activation = Extract<Layer, { kind: 'dense' }>['activation'];

/** One step of a network: a dense layer with its place in the flat vector, or a dropout. */
export type NetworkStep = { readonly dense: DenseShape } | { readonly dropoutRate: number };

/** What a forward pass leaves behind for the backward pass. */
export type ForwardPass = {
  /** Per dense layer its inputs, row-major [rows, inputs]. */
  readonly inputs: readonly Float64Array[];
  /** Per dense layer its activated outputs, row-major [rows, units]. */
  readonly outputs: readonly Float64Array[];
  /** Per dense layer what multiplies the outputs before the next dense layer, or null for ones: the dropout masks. */
  readonly masks: readonly (Float64Array | null)[];
};

/** A network's layers in order, with the given dense shapes. */
export function networkSteps(topology: Topology, shapes: readonly DenseShape[]): readonly NetworkStep[] {
  let index = 0;
  return topology.layers.map((layer) =>
    layer.kind === 'dense' ? { dense: shapes[index++]! } : { dropoutRate: layer.rate },
  );
}

/**
 * Forward pass in float64.
 *
 * @param inputs - row-major [rows, inputs of the first dense layer].
 * @param uniform - integers in [0, 2^32) for dropout masks; null leaves dropout out, as in prediction.
 */
export function forward(
  steps: readonly NetworkStep[],
  weights: Float64Array,
  inputs: Float64Array,
  rows: number,
  uniform: (() => number) | null,
): ForwardPass {
  const pass = { inputs: [] as Float64Array[], outputs: [] as Float64Array[], masks: [] as (Float64Array | null)[] };
  let current = inputs;
  for (const step of steps) {
    if ('dense' in step) {
      pass.inputs.push(current);
      current = denseForward(step.dense, weights, current, rows);
      pass.outputs.push(current);
      pass.masks.push(null);
    } else if (uniform !== null && step.dropoutRate > 0) {
      const drawn = dropoutMask(current.length, step.dropoutRate, uniform);
      current = product(current, drawn);
      const last = pass.masks.length - 1;
      // A dropout before the first dense layer needs no mask: nothing is propagated back to the inputs.
      if (last >= 0) {
        const before = pass.masks[last] ?? null;
        pass.masks[last] = before === null ? drawn : product(before, drawn);
      }
    }
  }
  return pass;
}

/**
 * Derivatives of each row's own loss by the pre-activations of each dense layer, first layer first.
 * @param logits - derivative by the last layer's outputs, row-major [rows, outputs].
 */
export function backward(
  shapes: readonly DenseShape[],
  weights: Float64Array,
  pass: ForwardPass,
  logits: Float64Array,
  rows: number,
): readonly Float64Array[] {
  const deltas: Float64Array[] = [];
  let delta = logits;
  for (let index = shapes.length - 1; index >= 0; index--) {
    deltas[index] = delta;
    if (index > 0) {
      delta = denseBackward(shapes[index]!, weights, delta, rows);
      const mask = pass.masks[index - 1];
      if (mask) delta = product(delta, mask);
      multiplySlope(shapes[index - 1]!.activation, pass.outputs[index - 1]!, delta);
    }
  }
  return deltas;
}

/**
 * Derivatives of the outputs, weighed by `logits`, by each row's inputs, [rows, inputs]; of a pass without dropout.
 * @param logits - as in {@link backward}.
 */
export function inputSlopes(
  shapes: readonly DenseShape[],
  weights: Float64Array,
  pass: ForwardPass,
  logits: Float64Array,
  rows: number,
): Float64Array {
  const first = shapes[0];
  const delta = backward(shapes, weights, pass, logits, rows)[0];
  return first === undefined || delta === undefined ? logits : denseBackward(first, weights, delta, rows);
}

/** Logits to probabilities (sigmoid or softmax), in place; a regression's values stay as they are. */
export function toProbabilities(loss: Loss, logits: Float64Array, outputs: number): void {
  if (loss === 'binaryCrossEntropy') {
    for (let i = 0; i < logits.length; i++) logits[i] = sigmoid(logits[i]!);
  } else if (loss === 'categoricalCrossEntropy') {
    for (let base = 0; base < logits.length; base += outputs) softmax(logits, base, outputs);
  }
}

/** Derivative of each row's loss by its logits, [rows, outputs]; squared error counts whole, without a half. */
export function lossSlopes(loss: Loss, logits: Float64Array, targets: Float32Array, outputs: number): Float64Array {
  const slopes = Float64Array.from(logits);
  toProbabilities(loss, slopes, outputs);
  for (let row = 0; row < targets.length; row++) {
    const target = targets[row]!;
    if (loss === 'categoricalCrossEntropy') slopes[row * outputs + target]! -= 1;
    else if (loss === 'binaryCrossEntropy') slopes[row]! -= target;
    else slopes[row] = 2 * (slopes[row]! - target);
  }
  return slopes;
}

/** Loss of each row from its logits, computed without overflow. */
export function lossValues(loss: Loss, logits: Float64Array, targets: Float32Array, outputs: number): Float64Array {
  const values = new Float64Array(targets.length);
  for (let row = 0; row < targets.length; row++) {
    const target = targets[row]!;
    if (loss === 'categoricalCrossEntropy') {
      values[row] = logSumExp(logits, row * outputs, outputs) - logits[row * outputs + target]!;
    } else if (loss === 'binaryCrossEntropy') {
      const logit = logits[row]!;
      values[row] = Math.max(logit, 0) - logit * target + log(1 + exp(-Math.abs(logit)));
    } else {
      const error = logits[row]! - target;
      values[row] = error * error;
    }
  }
  return values;
}

function denseForward(shape: DenseShape, weights: Float64Array, inputs: Float64Array, rows: number): Float64Array {
  const { units, kernelOffset, biasOffset } = shape;
  const outputs = new Float64Array(rows * units);
  for (let row = 0; row < rows; row++) {
    const out = row * units;
    for (let j = 0; j < units; j++) outputs[out + j] = weights[biasOffset + j]!;
    const first = row * shape.inputs;
    const fours = shape.inputs & ~3;
    // Four inputs at a time, added one after the other: the same bits, a quarter of the loads and stores.
    for (let i = 0; i < fours; i += 4) {
      const a = inputs[first + i]!;
      const b = inputs[first + i + 1]!;
      const c = inputs[first + i + 2]!;
      const d = inputs[first + i + 3]!;
      const kernelA = kernelOffset + i * units;
      const kernelB = kernelA + units;
      const kernelC = kernelB + units;
      const kernelD = kernelC + units;
      for (let j = 0; j < units; j++) {
        outputs[out + j] =
          outputs[out + j]! +
          a * weights[kernelA + j]! +
          b * weights[kernelB + j]! +
          c * weights[kernelC + j]! +
          d * weights[kernelD + j]!;
      }
    }
    for (let i = fours; i < shape.inputs; i++) {
      const input = inputs[first + i]!;
      const kernel = kernelOffset + i * units;
      for (let j = 0; j < units; j++) outputs[out + j]! += input * weights[kernel + j]!;
    }
  }
  activate(shape.activation, outputs);
  return outputs;
}

/** Derivative by a dense layer's inputs: delta × kernelᵀ. */
function denseBackward(shape: DenseShape, weights: Float64Array, delta: Float64Array, rows: number): Float64Array {
  const { units, inputs, kernelOffset } = shape;
  const slopes = new Float64Array(rows * inputs);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) {
      const kernel = kernelOffset + i * units;
      let sum = 0;
      for (let j = 0; j < units; j++) sum += delta[row * units + j]! * weights[kernel + j]!;
      slopes[row * inputs + i] = sum;
    }
  }
  return slopes;
}

function activate(activation: Activation, values: Float64Array): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      // Not Math.max: a NaN stays one either way, and -0 becomes 0.
      for (let i = 0; i < values.length; i++) if (values[i]! <= 0) values[i] = 0;
      return;
    case 'tanh':
      for (let i = 0; i < values.length; i++) values[i] = 1 - 2 / (exp(2 * values[i]!) + 1);
      return;
    case 'sigmoid':
      for (let i = 0; i < values.length; i++) values[i] = sigmoid(values[i]!);
  }
}

/** Multiplies by the activation's derivative, which each activation's own output gives. */
function multiplySlope(activation: Activation, outputs: Float64Array, delta: Float64Array): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      for (let i = 0; i < delta.length; i++) if (outputs[i]! <= 0) delta[i] = 0;
      return;
    case 'tanh':
      for (let i = 0; i < delta.length; i++) delta[i]! *= 1 - outputs[i]! * outputs[i]!;
      return;
    case 'sigmoid':
      for (let i = 0; i < delta.length; i++) delta[i]! *= outputs[i]! * (1 - outputs[i]!);
  }
}

function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const power = exp(x);
  return power / (1 + power);
}

function softmax(values: Float64Array, base: number, length: number): void {
  const largest = maximum(values, base, length);
  let sum = 0;
  for (let i = base; i < base + length; i++) sum += values[i] = exp(values[i]! - largest);
  for (let i = base; i < base + length; i++) values[i]! /= sum;
}

function logSumExp(values: Float64Array, base: number, length: number): number {
  const largest = maximum(values, base, length);
  let sum = 0;
  for (let i = base; i < base + length; i++) sum += exp(values[i]! - largest);
  return largest + log(sum);
}

function maximum(values: Float64Array, base: number, length: number): number {
  let largest = values[base]!;
  for (let i = base + 1; i < base + length; i++) largest = Math.max(largest, values[i]!);
  return largest;
}

/** Inverted dropout: what is kept is divided by the chance of being kept, so prediction needs no correction. */
function dropoutMask(length: number, rate: number, uniform: () => number): Float64Array {
  const mask = new Float64Array(length);
  const threshold = rate * 4_294_967_296;
  const kept = 1 / (1 - rate);
  for (let i = 0; i < length; i++) mask[i] = uniform() < threshold ? 0 : kept;
  return mask;
}

function product(a: Float64Array, b: Float64Array): Float64Array {
  const values = new Float64Array(a.length);
  for (let i = 0; i < values.length; i++) values[i] = a[i]! * b[i]!;
  return values;
}
