import { SottoError } from '@sotto/shared/errors';
import { rowsOf } from '@sotto/shared/judging';
import { predictedClass } from '@sotto/shared/metrics';
import { probabilitiesOf, type JudgedModel } from './judged-model.ts';
import { smoothedAnswers, type SmoothedAnswer, type SmoothOptions } from './smoothed-prediction.ts';

/** What a model says of one row. */
export type Prediction =
  | {
      readonly kind: 'class';
      /** Text of the target that is predicted. */
      readonly value: string;
      /** Every text of the target with its probability, in the schema's order; of a binary target the positive one first. */
      readonly probabilities: readonly { readonly value: string; readonly probability: number }[];
      /** The smoothed model's answer, where it was asked for. */
      readonly smoothed?: SmoothedAnswer;
    }
  /** In the target's own unit. */
  | { readonly kind: 'number'; readonly value: number };

/**
 * What the model says of each row. A binary target is predicted positive above 0.5, a class where its probability is the first
 * of the largest.
 *
 * @param inputs - encoded rows, row-major [rows, inputs].
 * @param temperature - of a calibration (`fitTemperature`); 1 without.
 * @throws {INVALID_INPUT} when the inputs do not fit, or an output is no finite number.
 */
export function predictRows(
  { schema, loss, model }: JudgedModel,
  inputs: Float64Array,
  temperature = 1,
): readonly Prediction[] {
  const rows = rowsOf(inputs, model.inputs);
  const values = probabilitiesOf(loss, finite(model.logits(inputs, rows)), model.outputs, temperature);
  const { target } = schema;
  return Array.from({ length: rows }, (_, row): Prediction => {
    switch (target.kind) {
      case 'number':
        return { kind: 'number', value: values[row]! * target.scale + target.centre };
      case 'binary': {
        const probability = values[row]!;
        return {
          kind: 'class',
          value: predictedClass(values, row, 1) === 1 ? target.positive : target.negative,
          probabilities: [
            { value: target.positive, probability },
            { value: target.negative, probability: 1 - probability },
          ],
        };
      }
      case 'classes':
        return {
          kind: 'class',
          value: target.values[predictedClass(values, row, model.outputs)]!,
          probabilities: target.values.map((value, output) => ({
            value,
            probability: values[row * model.outputs + output]!,
          })),
        };
    }
  });
}

/**
 * Predictions with the smoothed model's answer beside the model's own.
 * @throws {INVALID_INPUT} as {@link predictRows} and {@link smoothedAnswers}.
 */
export function predictRowsSmoothed(
  judged: JudgedModel,
  inputs: Float64Array,
  temperature: number,
  options: SmoothOptions,
  seed: string,
): readonly Prediction[] {
  const predictions = predictRows(judged, inputs, temperature);
  const answers = smoothedAnswers(judged, inputs, options, seed);
  return predictions.map((prediction, row) =>
    prediction.kind === 'number' ? prediction : { ...prediction, smoothed: answers[row]! },
  );
}

function finite(logits: Float64Array): Float64Array {
  const broken = logits.findIndex((logit) => !Number.isFinite(logit));
  if (broken >= 0) {
    throw new SottoError('INVALID_INPUT', `model: expected finite outputs, got ${logits[broken]} at ${broken}`);
  }
  return logits;
}
