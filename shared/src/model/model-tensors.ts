import { SottoError } from '../errors/index.ts';
import { layoutLength } from '../vector/index.ts';
import { modelLayout, requireWeights, weightTensors } from './layout.ts';
import type { Topology } from './topology.ts';

/** A float32 tensor by name, row-major. */
export type NamedTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
};

/**
 * The flat weights as named tensors, in layout order; views, not copies.
 * @throws {INVALID_INPUT} when the weights do not fit the topology.
 */
export function modelTensors(topology: Topology, inputs: number, weights: Float32Array): readonly NamedTensor[] {
  requireWeights(topology, inputs, weights);
  return weightTensors(topology, inputs).map(({ name, shape, offset, length }) => ({
    name,
    shape,
    values: weights.subarray(offset, offset + length),
  }));
}

/**
 * The flat weights of named tensors, found by name whatever their order.
 * @throws {INVALID_INPUT} when a tensor is missing or has another shape.
 */
export function weightsOfTensors(topology: Topology, inputs: number, tensors: readonly NamedTensor[]): Float32Array {
  const weights = new Float32Array(layoutLength(modelLayout(topology, inputs)));
  for (const target of modelTensors(topology, inputs, weights)) {
    const found = tensors.find((tensor) => tensor.name === target.name);
    const [expected, got] = [target.shape.join('×'), found?.shape.join('×') ?? 'none'];
    if (found === undefined || expected !== got || found.values.length !== target.values.length) {
      throw new SottoError('INVALID_INPUT', `tensor ${target.name}: expected the shape ${expected}, got ${got}`);
    }
    target.values.set(found.values);
  }
  return weights;
}
