import { SottoError } from '../errors/index.ts';
import type { DifferentiableModel } from '../model/index.ts';

/** One output of a model as a function of its inputs: what explanations explain. */
export type ScalarOutput = {
  readonly inputs: number;
  /** The output of each row, [rows]. */
  value(features: Float64Array, rows: number): Float64Array;
  /** Its derivative by each row's inputs, [rows, inputs]. */
  gradient(features: Float64Array, rows: number): Float64Array;
};

/**
 * One output of a model: the logit of a class (the log odds of a binary target's positive text), or the scaled value.
 * Logits, not probabilities: at a probability near 1 every gradient is near 0, though the inputs matter as before.
 *
 * @throws {INVALID_INPUT} when the model has no such output.
 */
export function scalarOutput(model: DifferentiableModel, output: number): ScalarOutput {
  const { inputs, outputs } = model;
  if (!Number.isInteger(output) || output < 0 || output >= outputs) {
    throw new SottoError('INVALID_INPUT', `output: expected 0 to ${outputs - 1}, got ${output}`);
  }
  return {
    inputs,
    value(features, rows) {
      const logits = model.logits(features, rows);
      return Float64Array.from({ length: rows }, (_, row) => logits[row * outputs + output]!);
    },
    gradient(features, rows) {
      return model.inputGradients(features, rows, (logits) => {
        const slopes = new Float64Array(logits.length);
        for (let row = 0; row < rows; row++) slopes[row * outputs + output] = 1;
        return slopes;
      });
    },
  };
}

/**
 * Fails unless a row or a baseline has the output's width.
 * @throws {INVALID_INPUT} naming it.
 */
export function requireWidth(what: string, values: Float64Array, inputs: number): void {
  if (values.length !== inputs) {
    throw new SottoError('INVALID_INPUT', `${what}: expected ${inputs} inputs, got ${values.length}`);
  }
}
