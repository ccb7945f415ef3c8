/**
 * What judging asks of a model: its raw outputs and how they change with the inputs, float64, without dropout. A model that
 * cannot be derived by its inputs (a forest) lacks it.
 */
export type DifferentiableModel = {
  /** Width of the model's input. */
  readonly inputs: number;
  /** Width of its output: logits, or the scaled value of a regression. */
  readonly outputs: number;
  /**
   * Logits or scaled values, float64 [rows, outputs].
   * @param features - row-major [rows, inputs].
   */
  logits(features: Float64Array, rows: number): Float64Array;
  /**
   * Derivative of Σₒ slope[row, o] · output[row, o] by each row's inputs, float64 [rows, inputs].
   * @param slopesOf - given the outputs [rows, outputs], what each weighs: ones at an output for that output's own gradient,
   * the loss's slopes for the loss's.
   */
  inputGradients(features: Float64Array, rows: number, slopesOf: (logits: Float64Array) => Float64Array): Float64Array;
};
