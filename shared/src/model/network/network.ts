import { SottoError } from '../../errors/index.ts';
import { networkLayers, type NetworkLayer } from '../layout.ts';
import type { Topology } from '../topology.ts';
import { convolutionStep } from './convolution.ts';
import { denseStep } from './dense.ts';
import { dropoutStep } from './dropout.ts';
import { embeddingStep } from './embedding.ts';
import { gruStep } from './gru.ts';
import { layerNormStep } from './layer-norm.ts';
import { averagePoolStep, globalAveragePoolStep, maxPoolStep } from './pooling.ts';
import type { ExactTrace, Step, StepPass, Uniform } from './step.ts';

/** A topology in plain arrays, made for an input width. */
export type Network = {
  readonly steps: readonly Step[];
  /** The first layer with something to train; the derivatives end there. */
  readonly firstTrained: number;
  /** The layer that reads tokens, -1 where there is none. */
  readonly tokens: number;
};

/** What a forward pass leaves behind for the backward pass. */
export type ForwardPass = {
  readonly steps: readonly StepPass[];
  /** Logits, or values, row-major [rows, outputs]. */
  readonly outputs: Float64Array;
};

/** @throws {PLAN_INVALID} when the layers do not fit one another. */
export function createNetwork(topology: Topology, inputs: number): Network {
  const layers = networkLayers(topology, inputs);
  const firstTrained = layers.findIndex(({ tensors }) => tensors.some(({ trainedOffset }) => trainedOffset !== null));
  const tokens = layers.findIndex(({ layer }) => layer.kind === 'embedding');
  return { steps: layers.map(stepOf), firstTrained: firstTrained < 0 ? layers.length : firstTrained, tokens };
}

/**
 * Forward pass in float64.
 *
 * @param inputs - row-major [rows, inputs]
 * @param uniform - integers in [0, 2^32) for dropout masks; null leaves dropout out, as in prediction.
 */
export function forward(
  network: Network,
  weights: Float64Array,
  inputs: Float64Array,
  rows: number,
  uniform: Uniform | null,
): ForwardPass {
  let outputs = inputs;
  const steps = network.steps.map((step) => {
    const pass = step(weights, outputs, rows, uniform);
    ({ outputs } = pass);
    return pass;
  });
  return { steps, outputs };
}

/**
 * Traces of the trained layers, first layer first.
 * @param slopes - derivative of each row's own loss by the outputs, row-major [rows, outputs]; overwritten.
 */
export function backward(network: Network, pass: ForwardPass, slopes: Float64Array): readonly ExactTrace[] {
  const traces: (readonly ExactTrace[])[] = [];
  let current = slopes;
  for (let index = network.steps.length - 1; index >= network.firstTrained; index--) {
    const found = pass.steps[index]!.backward(current, index > network.firstTrained);
    traces.push(found.traces);
    current = found.inputs;
  }
  return traces.reverse().flat();
}

/**
 * Derivatives of the outputs, weighed by `slopes`, by each row's inputs, [rows, inputs]; of a pass without dropout.
 * @param slopes - as in {@link backward}; overwritten.
 * @throws {UNSUPPORTED} below an embedding: tokens are names, not amounts.
 */
export function inputSlopes(network: Network, pass: ForwardPass, slopes: Float64Array): Float64Array {
  let current = slopes;
  for (const [index, step] of [...pass.steps.entries()].reverse()) {
    if (index === network.tokens) {
      throw new SottoError('UNSUPPORTED', 'a model that reads tokens has no derivative by its inputs');
    }
    current = step.backward(current, true).inputs;
  }
  return current;
}

const sameNumbers: Step = (_, values) => ({
  outputs: values,
  backward: (slopes) => ({ inputs: slopes, traces: [] }),
});

function stepOf(network: NetworkLayer): Step {
  const { layer } = network;
  switch (layer.kind) {
    case 'dense':
      return denseStep(layer, network);
    case 'dropout':
      return dropoutStep(layer);
    case 'reshape':
    case 'flatten':
      return sameNumbers;
    case 'conv1d':
    case 'conv2d':
      return convolutionStep(layer, network);
    case 'maxPool':
      return maxPoolStep(layer, network);
    case 'averagePool':
      return averagePoolStep(layer, network);
    case 'globalAveragePool':
      return globalAveragePoolStep(layer, network);
    case 'layerNorm':
      return layerNormStep(layer, network);
    case 'embedding':
      return embeddingStep(layer, network);
    case 'gru':
      return gruStep(layer, network);
  }
}
