import { SottoError } from '../errors/index.ts';
import { layoutLength, type Segment } from '../vector/index.ts';
import type { Layer, Topology } from './topology.ts';

/** A dense layer with its widths resolved. */
export type DenseShape = {
  readonly inputs: number;
  readonly units: number;
  readonly activation: Extract<Layer, { kind: 'dense' }>['activation'];
  /** First coordinate of the kernel, row-major [inputs, units]; the bias [units] follows it. */
  readonly kernelOffset: number;
  readonly biasOffset: number;
};

/** The dense layers of a topology in order, each with its place in the flat vector. */
export function denseShapes(topology: Topology, inputs: number): readonly DenseShape[] {
  const shapes: DenseShape[] = [];
  let width = inputs;
  let offset = 0;
  for (const layer of topology.layers) {
    if (layer.kind !== 'dense') continue;
    const biasOffset = offset + width * layer.units;
    shapes.push({ inputs: width, units: layer.units, activation: layer.activation, kernelOffset: offset, biasOffset });
    offset = biasOffset + layer.units;
    width = layer.units;
  }
  return shapes;
}

/**
 * Layout of the flat weight vector: for the n-th dense layer, counted from 0, `dense<n>/kernel`, row-major [inputs, units],
 * and `dense<n>/bias`, [units].
 *
 * @param inputs - width of the model's input, at least 1.
 */
export function modelLayout(topology: Topology, inputs: number): readonly Segment[] {
  return denseShapes(topology, inputs).flatMap((shape, index) => [
    { name: `dense${index}/kernel`, length: shape.inputs * shape.units },
    { name: `dense${index}/bias`, length: shape.units },
  ]);
}

/**
 * Fails unless the weights have as many coordinates as the layout.
 * @throws {INVALID_INPUT} when they have not.
 */
export function requireWeights(topology: Topology, inputs: number, weights: { readonly length: number }): void {
  const expected = layoutLength(modelLayout(topology, inputs));
  if (weights.length !== expected) {
    throw new SottoError('INVALID_INPUT', `weights: the topology has ${expected} coordinates, got ${weights.length}`);
  }
}
