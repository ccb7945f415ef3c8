import type { LayerTrace } from '@sotto/shared/model';
import type * as Tf from '@tensorflow/tfjs-core';

export type Tensor = Tf.Tensor;
export type Uniform = () => number;

type FormOf<Trace> = Trace extends unknown ? Omit<Trace, 'activations' | 'deltas'> : never;

/** A trace whose values are still on the device that computes. */
export type TensorTrace = {
  readonly form: FormOf<LayerTrace>;
  readonly activations: Tensor;
  readonly deltas: Tensor;
  /** For `outer`: what the kernel was multiplied with, [rows × positions, inputs]. */
  readonly patches?: () => Tensor;
};

/** What a layer's backward pass finds; `inputs` is null where nobody asked for it. */
export type TensorSlopes = { readonly inputs: Tensor | null; readonly traces: readonly TensorTrace[] };

export type TensorPass = {
  /** [rows, …]. */
  readonly outputs: Tensor;
  backward(slopes: Tensor, wanted: boolean): TensorSlopes;
};

/** One layer on tfjs operations; runs within a tidy. @param weights - the layer's tensors in the order of the layout. */
export type TensorStep = (weights: readonly Tensor[], inputs: Tensor, uniform: Uniform | null) => TensorPass;
