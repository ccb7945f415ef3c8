import type { LayerTrace } from '../local-model.ts';

/** Integers in [0, 2^32), for dropout masks. */
export type Uniform = () => number;

/** A trace before it is rounded. */
export type ExactTrace = LayerTrace<Float64Array>;

/** What a layer's backward pass finds. */
export type Slopes = {
  /** Derivative of each row's loss by the layer's inputs, row-major [rows, inputs]; empty where nobody asked. */
  readonly inputs: Float64Array;
  /** Traces of the layer's trained tensors. */
  readonly traces: readonly ExactTrace[];
};

/** A layer's forward pass over some rows, and what it has kept for the backward one. */
export type StepPass = {
  /** Row-major [rows, outputs]. */
  readonly outputs: Float64Array;
  /**
   * @param slopes - derivative of each row's loss by the outputs, row-major [rows, outputs]; overwritten.
   * @param wanted - whether the derivative by the inputs is asked for.
   */
  backward(slopes: Float64Array, wanted: boolean): Slopes;
};

/**
 * One layer, made for its shapes, in float64 plain arrays. Every row is computed by itself, in a fixed order.
 * @param uniform - null leaves dropout out, as in prediction.
 */
export type Step = (weights: Float64Array, inputs: Float64Array, rows: number, uniform: Uniform | null) => StepPass;

/** Nothing was asked for. */
export const noSlopes = new Float64Array(0);
