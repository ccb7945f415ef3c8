import { SottoError } from '../errors/index.ts';
import { layoutLength, type Segment } from '../vector/index.ts';
import { layerTensors, outputShape } from './layer-shapes.ts';
import type { Layer, Topology } from './topology.ts';

/** How a tensor's first values are made: uniform within ±√(6 / (fanIn + fanOut)), or all the same. */
export type TensorStart = { readonly fanIn: number; readonly fanOut: number } | 0 | 1;

/** A weight tensor with its place in the flat vector, row-major. */
export type WeightTensor = {
  /** `<kind><n>/<tensor>`, the n-th layer of its kind. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: TensorStart;
  readonly length: number;
  /** First coordinate in the flat vector of all weights. */
  readonly offset: number;
  /** First coordinate in the flat vector of what is trained; null for a layer that keeps its weights. */
  readonly trainedOffset: number | null;
};

/** A layer of a topology with its shapes resolved. Shapes are of one row. */
export type NetworkLayer = {
  /** `<kind><n>`. */
  readonly name: string;
  readonly layer: Layer;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly tensors: readonly WeightTensor[];
};

/**
 * A topology's layers in order, each with its shapes and its weights' places.
 *
 * @param inputs - width of the model's input, at least 1.
 * @throws {PLAN_INVALID} when a layer cannot take what the one before gives; the message names the line.
 */
export function networkLayers(topology: Topology, inputs: number): readonly NetworkLayer[] {
  const counts = new Map<string, number>();
  let shape: readonly number[] = [inputs];
  let offset = 0;
  let trainedOffset = 0;
  return topology.layers.map((layer, index) => {
    const line = `plan.topology.layers[${index}]`;
    const count = counts.get(layer.kind) ?? 0;
    counts.set(layer.kind, count + 1);
    const name = `${layer.kind}${count}`;
    const inputShape = shape;
    shape = outputShape(layer, inputShape, line, topology.layers.slice(0, index));
    const isTrained = !('trainable' in layer) || layer.trainable !== false;
    const tensors = layerTensors(layer, inputShape).map((tensor): WeightTensor => {
      const length = sizeOf(tensor.shape);
      const placed = {
        ...tensor,
        name: `${name}/${tensor.name}`,
        length,
        offset,
        trainedOffset: isTrained ? trainedOffset : null,
      };
      offset += length;
      if (isTrained) trainedOffset += length;
      return placed;
    });
    return { name, layer, inputShape, outputShape: shape, tensors };
  });
}

/** Number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** The tensors of all layers, in the order of the flat vector. */
export function weightTensors(topology: Topology, inputs: number): readonly WeightTensor[] {
  return networkLayers(topology, inputs).flatMap(({ tensors }) => tensors);
}

/**
 * Layout of the flat weight vector, layer after layer: for the n-th layer of a kind, counted from 0, `<kind><n>/<tensor>`. A dense
 * layer has a kernel, row-major [inputs, units], and a bias [units]; `layer-shapes.ts` has the others.
 *
 * @param inputs - width of the model's input, at least 1.
 * @throws {PLAN_INVALID} when the layers do not fit one another.
 */
export function modelLayout(topology: Topology, inputs: number): readonly Segment[] {
  return weightTensors(topology, inputs).map(({ name, length }) => ({ name, length }));
}

/**
 * Layout of what is trained: {@link modelLayout} without the layers that keep their weights.
 * @throws {PLAN_INVALID} when the layers do not fit one another.
 */
export function trainedLayout(topology: Topology, inputs: number): readonly Segment[] {
  return weightTensors(topology, inputs).flatMap(({ name, length, trainedOffset }) =>
    trainedOffset === null ? [] : [{ name, length }],
  );
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
