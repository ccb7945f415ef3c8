import { SottoError } from '../errors/index.ts';
import { networkLayers } from './layout.ts';
import type { Loss, Topology } from './topology.ts';

/**
 * Fails unless the topology can be trained on a target of that width: each layer takes what the one before gives, the last is
 * dense, linear and as wide as the target, and the loss, where one is given, is made for that many outputs.
 *
 * @param inputs - width of the model's input.
 * @param outputs - width of the target: 1 for binary and number targets, the number of classes otherwise.
 * @throws {PLAN_INVALID} when it does not fit; the message names the line and both values.
 */
export function checkTopology(topology: Topology, inputs: number, outputs: number, loss?: Loss): void {
  requireWidth('plan.schema.columns', 'inputs', inputs);
  requireWidth('plan.schema.target', 'outputs', outputs);
  const layers = networkLayers(topology, inputs);
  if (layers.every(({ tensors }) => tensors.every(({ trainedOffset }) => trainedOffset === null))) {
    throw new SottoError('PLAN_INVALID', 'plan.topology.layers: every layer keeps its weights, so nothing is trained');
  }
  const index = topology.layers.length - 1;
  const last = topology.layers[index];
  const line = `plan.topology.layers[${index}]`;
  if (last === undefined) throw new SottoError('PLAN_INVALID', 'plan.topology.layers: expected a layer, got none');
  if (last.kind !== 'dense') {
    throw new SottoError('PLAN_INVALID', `${line}.kind: the last layer must be dense, got ${last.kind}`);
  }
  if (last.activation !== 'linear') {
    throw new SottoError(
      'PLAN_INVALID',
      `${line}.activation: the last layer gives logits or values and must be linear, got ${last.activation}`,
    );
  }
  if (last.units !== outputs) {
    throw new SottoError('PLAN_INVALID', `${line}.units: the target needs ${outputs}, got ${last.units}`);
  }
  if (loss !== undefined) requireLossFits(loss, outputs);
}

function requireWidth(line: string, name: string, width: number): void {
  if (!Number.isSafeInteger(width) || width < 1) {
    throw new SottoError('PLAN_INVALID', `${line}: expected at least 1 of the model's ${name}, got ${width}`);
  }
}

function requireLossFits(loss: Loss, outputs: number): void {
  if (loss === 'binaryCrossEntropy' && outputs !== 1) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.loss: binaryCrossEntropy is for exactly 1 output, the target has ${outputs}; use categoricalCrossEntropy`,
    );
  }
  if (loss === 'categoricalCrossEntropy' && outputs < 2) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.loss: categoricalCrossEntropy is for 2 outputs or more, the target has ${outputs}; use binaryCrossEntropy`,
    );
  }
  if (loss === 'meanSquaredError' && outputs !== 1) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.loss: meanSquaredError is for exactly 1 output, the target has ${outputs}; use categoricalCrossEntropy`,
    );
  }
}
