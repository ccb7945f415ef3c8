import type { UnitBatch } from './units.ts';

/** One dense layer's part of a batched backward pass. */
export type DenseTrace = {
  /** Inputs of the layer, row-major [rows, inputs]. */
  readonly activations: Float32Array;
  /** Derivative of each row's loss by the layer's pre-activations, row-major [rows, units]. */
  readonly deltas: Float32Array;
  readonly inputs: number;
  readonly units: number;
};

/** Settings of local training at unit = client. */
export type LocalTraining = {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** FedProx's mu; 0 for FedAvg. */
  readonly proximal: number;
};

/**
 * What queries may ask of the model on the device. The SDK implements it (tfjs in a worker); queries stay pure and readable
 * and tfjs stays out of `shared`. Weights are flat, in the order of the topology's layout.
 */
export type LocalModel = {
  setWeights(weights: Float32Array): Promise<void>;
  /**
   * One batched forward and backward pass over all rows of the batch: the traces of the dense layers, first layer first.
   * The derivative is of each row's own loss, unweighted; `queries` sum a unit's rows and clip the sum.
   *
   * A row's traces are the same bits whatever other rows are in the batch: a unit's vector may not depend on the others, not even
   * by rounding, or removing one unit would move them all (soundness.md §2.4).
   *
   * Dropout is active. `dropoutSeed` must be fresh from the device's CSPRNG for each call: the rows' masks are then
   * independent of one another and of the data, so that a unit's gradient depends on no other unit.
   */
  traces(batch: UnitBatch, dropoutSeed: Uint8Array): Promise<readonly DenseTrace[]>;
  /** Outputs for all rows: probabilities (sigmoid or softmax of the logits) or values, row-major [rows, outputs]. */
  predict(inputs: Float32Array, rows: number): Promise<Float32Array>;
  /**
   * Local epochs of minibatch SGD from the set weights over shuffled rows, dropout active; returns the new weights and leaves
   * the set ones. The seed makes the shuffle and the dropout masks.
   */
  train(batch: UnitBatch, settings: LocalTraining, shuffleSeed: Uint8Array): Promise<Float32Array>;
  dispose(): Promise<void>;
};
