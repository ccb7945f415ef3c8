import { SottoError } from '@sotto/shared/errors';
import { amountInputs, rowsOf, smoothedClass, smoothedCounts } from '@sotto/shared/judging';
import { inputColumns, type Target } from '@sotto/shared/plan';
import type { JudgedModel } from './judged-model.ts';

/** How a prediction is smoothed. */
export type SmoothOptions = {
  /** Standard deviation of the noise on numbers and pixels, in encoded inputs. */
  readonly sigma: number;
  /** Noisy copies of the row that the model is asked about; 1,000 where not given. */
  readonly draws?: number;
  /** Chance of an answer that the smoothed model would not give; 0.001 where not given. */
  readonly alpha?: number;
};

/** What the model says most often of a row with noise. */
export type SmoothedAnswer = {
  /** Text of the target; null: it abstains, because no text is said so much more often than the next that chance is ruled out. */
  readonly value: string | null;
  readonly sigma: number;
  readonly draws: number;
  /** Every text with its share of the draws, in the order of a prediction's probabilities. */
  readonly shares: readonly { readonly value: string; readonly share: number }[];
};

/**
 * The smoothed model's answer for each row.
 *
 * @param inputs - encoded rows, row-major [rows, inputs].
 * @param seed - of the noise. Fresh where somebody else chose the rows: who knows the draws can choose a row for them.
 * @see Cohen, Rosenfeld, Kolter 2019, "Certified Adversarial Robustness via Randomized Smoothing", §3.2.1.
 * @throws {INVALID_INPUT} when the target is a number, no input is an amount, the model reads tokens, or an option is out of range.
 */
export function smoothedAnswers(
  { schema, model }: JudgedModel,
  inputs: Float64Array,
  { sigma, draws = 1_000, alpha = 0.001 }: SmoothOptions,
  seed: string,
): readonly SmoothedAnswer[] {
  const texts = textsOf(schema.target);
  const places = amountInputs(inputColumns(schema));
  if (!(sigma > 0) || sigma === Infinity) {
    throw new SottoError('INVALID_INPUT', `smoothing: expected a sigma above 0, got ${sigma}`);
  }
  if (!(alpha > 0 && alpha < 1)) {
    throw new SottoError('INVALID_INPUT', `smoothing: expected alpha in (0, 1), got ${alpha}`);
  }
  return Array.from({ length: rowsOf(inputs, model.inputs) }, (_, row): SmoothedAnswer => {
    const input = inputs.subarray(row * model.inputs, (row + 1) * model.inputs);
    const counts = smoothedCounts(model, input, sigma, draws, `${seed}/${row}`, places);
    const output = smoothedClass(counts, alpha);
    return {
      value: output === null ? null : (texts.find((one) => one.output === output)?.value ?? null),
      sigma,
      draws,
      shares: texts.map((one) => ({ value: one.value, share: counts[one.output]! / draws })),
    };
  });
}

/** Texts of a target in the order in which predictions list them, each with its output. */
function textsOf(target: Target): readonly { readonly value: string; readonly output: number }[] {
  switch (target.kind) {
    case 'number':
      throw new SottoError('INVALID_INPUT', 'smoothing: the target is a number, which no majority can be taken of');
    case 'binary':
      return [
        { value: target.positive, output: 1 },
        { value: target.negative, output: 0 },
      ];
    case 'classes':
      return target.values.map((value, output) => ({ value, output }));
  }
}
