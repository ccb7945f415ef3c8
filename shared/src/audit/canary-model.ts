import { SottoError } from '../errors/index.ts';
import type { LocalModel, UnitBatch } from '../model/index.ts';

/**
 * How many times its clip norm a canary's gradient is. Whatever the door does to it, no unit may do more; a door that forgot to
 * clip would be seen at once.
 */
const overshoot = 1_000;

/** Canaries as units of one row each: the row's only feature is the canary's direction, a coordinate below 2^24. */
export function canaryUnits(directions: readonly number[]): UnitBatch {
  return {
    units: directions.length,
    rows: directions.length,
    rowOffsets: Uint32Array.from({ length: directions.length + 1 }, (_, unit) => unit),
    inputs: Float32Array.from(directions),
    features: 1,
    targets: new Float32Array(directions.length),
  };
}

/**
 * A model that answers the door's questions with Dirac canaries: the gradient, and the update of local training, of a unit is its
 * own coordinate alone, far above the clip norm. No two canaries share a coordinate, so what one adds to a sum is told apart
 * from all others and from noise as well as it ever can be.
 *
 * @param dimension - d, coordinates of the vector
 * @param clipNormL2 - the bound that the door clips to
 */
export function canaryModel(dimension: number, clipNormL2: number): LocalModel {
  const size = overshoot * clipNormL2;
  let weights = new Float32Array(dimension);
  // One buffer for all batches, zero but for what the last batch set.
  let deltas = new Float32Array(0);
  let touched: number[] = [];

  return {
    setWeights(set) {
      weights = Float32Array.from(set);
      return Promise.resolve();
    },
    traces({ rows, inputs }) {
      if (deltas.length < rows * dimension) {
        deltas = new Float32Array(rows * dimension);
        touched = [];
      }
      for (const place of touched) deltas[place] = 0;
      touched = Array.from(inputs, (direction, row) => row * dimension + direction);
      for (const place of touched) deltas[place] = size;
      // A layer without inputs: its gradient is its bias alone, the deltas.
      const bias = { form: 'outer', inputs: 0, units: dimension, positions: 1, taps: null } as const;
      const places = { kernelOffset: 0, kernelStride: dimension, biasOffset: 0 };
      const values = { activations: new Float32Array(0), deltas: deltas.subarray(0, rows * dimension) };
      return Promise.resolve([{ ...bias, ...places, ...values }]);
    },
    train({ inputs }) {
      const trained = Float32Array.from(weights);
      for (const direction of inputs) trained[direction] = trained[direction]! + size;
      return Promise.resolve(trained);
    },
    predict() {
      throw new SottoError('INTERNAL', 'audit: canaries are asked for gradients and updates alone');
    },
    dispose: () => Promise.resolve(),
  };
}
