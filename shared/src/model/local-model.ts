import type { DifferentiableModel } from './differentiable-model.ts';
import type { Augmentation } from './augmentation.ts';
import type { UnitBatch } from './units.ts';

/**
 * One weight tensor's part of a batched backward pass, from which each unit's gradient is summed (`unit-gradients.ts`). Offsets are in
 * the flat vector of what is trained (`trainedLayout`); traces of one model name each coordinate of it once.
 */
export type LayerTrace<Values extends Float32Array | Float64Array = Float32Array> =
  OuterTrace<Values> | ScatterTrace<Values> | ScaleTrace<Values>;

type TraceValues<Values> = {
  /** What the layer was given, row after row. */
  readonly activations: Values;
  /** Derivative of each row's loss by what the layer made of it before activation, row-major [rows, positions, units]. */
  readonly deltas: Values;
  /** Places of a row at which the same weights are used: 1 for a dense layer, pixels, steps. */
  readonly positions: number;
  readonly units: number;
};

/**
 * A kernel, row-major [inputs, units], and perhaps a bias [units]: the gradient is the sum, over a row's positions, of the outer
 * products of the position's inputs and deltas, and of the deltas.
 */
export type OuterTrace<Values> = TraceValues<Values> & {
  readonly form: 'outer';
  readonly inputs: number;
  /**
   * Which of a row's activations are a position's inputs: [positions, inputs], -1 for a zero. Null: each position has its own,
   * [rows, positions, inputs].
   */
  readonly taps: Int32Array | null;
  readonly kernelOffset: number;
  /** From one row of the kernel to the next: units, or more where it is part of a wider one. */
  readonly kernelStride: number;
  /** Null: without a bias. */
  readonly biasOffset: number | null;
};

/** A table of vectors, row-major [entries, units]: each position's deltas go to the entry that its one activation names. */
export type ScatterTrace<Values> = TraceValues<Values> & {
  readonly form: 'scatter';
  readonly entries: number;
  readonly tableOffset: number;
};

/** A factor and a shift a unit: the sums over positions of activation × delta, [rows, positions, units] both, and of the deltas. */
export type ScaleTrace<Values> = TraceValues<Values> & {
  readonly form: 'scale';
  readonly factorOffset: number;
  readonly shiftOffset: number;
};

/** Settings of local training at unit = client. */
export type LocalTraining = {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** FedProx's mu; 0 for FedAvg. */
  readonly proximal: number;
  /** Each minibatch is learned with its rows moved against the weights as they are; `clean`: as it is before that, too. */
  readonly adversarial?: {
    readonly clean: boolean;
    /** Moves rows, row-major [rows, inputs]; the model has the weights as they are. */
    readonly perturb: (model: DifferentiableModel, inputs: Float32Array, targets: Float32Array) => Float32Array;
  };
  /** What is done to each minibatch; absent or null: nothing. */
  readonly augmentation?: Augmentation | null;
};

/**
 * What queries may ask of the model on the device. The SDK implements it (tfjs in a worker); queries stay pure and readable
 * and tfjs stays out of `shared`. Weights are flat, in the order of the topology's layout.
 */
export type LocalModel = {
  setWeights(weights: Float32Array): Promise<void>;
  /**
   * One batched forward and backward pass over all rows of the batch: the traces of the trained layers, first layer first.
   * The derivative is of each row's own loss, unweighted; `queries` sum a unit's rows and clip the sum.
   *
   * A row's traces are the same bits whatever other rows are in the batch: a unit's vector may not depend on the others, not even
   * by rounding, or removing one unit would move them all (soundness.md §2.4).
   *
   * Dropout is active. `dropoutSeed` must be fresh from the device's CSPRNG for each call: the rows' masks are then
   * independent of one another and of the data, so that a unit's gradient depends on no other unit.
   */
  traces(batch: UnitBatch, dropoutSeed: Uint8Array): Promise<readonly LayerTrace[]>;
  /** Outputs for all rows: probabilities (sigmoid or softmax of the logits) or values, row-major [rows, outputs]. */
  predict(inputs: Float32Array, rows: number): Promise<Float32Array>;
  /**
   * Local epochs of minibatch SGD from the set weights over shuffled rows, dropout active; returns the new weights and leaves
   * the set ones. The seed makes the shuffle, the dropout masks and what augmentation draws (`augmentation.ts`).
   */
  train(batch: UnitBatch, settings: LocalTraining, shuffleSeed: Uint8Array): Promise<Float32Array>;
  dispose(): Promise<void>;
};
