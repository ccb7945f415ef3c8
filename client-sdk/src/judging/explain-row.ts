import { SottoError } from '@sotto/shared/errors';
import { decodedValue, featureSpans, schemaBaseline, sumOverSpans } from './features.ts';
import { integratedGradients, requireWidth, scalarOutput } from '@sotto/shared/judging';
import type { JudgedModel } from './judged-model.ts';
import { predictRows, type Prediction } from './predict.ts';
import { drawnOrders, exactShapley, exactShapleyMaxFeatures, permutationShapley, rowGame } from './shapley.ts';

export type ExplainOptions = {
  /** Shapley values are exact up to 13 columns, from drawn permutations above. */
  readonly method?: 'integratedGradients' | 'shapley';
  /** Text of the target whose logit is explained; where not given, the positive text or the predicted class. */
  readonly explained?: string;
  /** Encoded row that the explanation starts from; the schema's public one where not given. */
  readonly baseline?: Float64Array;
  /** Largest gap of integrated gradients, in logits or scaled values. */
  readonly tolerance?: number;
  /** Pairs of permutations; 64 where not given. */
  readonly pairs?: number;
  /** Seed of the permutations. */
  readonly seed?: string;
  readonly temperature?: number;
};

/** Why a model says what it says of one row: what each column added to the output of the baseline. */
export type Explanation = {
  readonly prediction: Prediction;
  readonly method: 'integratedGradients' | 'exactShapley' | 'permutationShapley';
  /** What is explained: the log odds of a text, a class's logit, or the target's own value. */
  readonly explained: { readonly kind: 'logOdds' | 'logit' | 'value'; readonly of: string };
  /** Output at the baseline. */
  readonly base: number;
  /** Output at the row: base and all attributions together, but for the gap. */
  readonly value: number;
  /** In the schema's order; a category's inputs are one feature. */
  readonly features: readonly {
    readonly column: string;
    readonly value: number | string | null;
    readonly baseline: number | string | null;
    readonly attribution: number;
    /** Of permutation Shapley alone. */
    readonly standardError: number | null;
  }[];
  /** Sum of the attributions less (value - base). */
  readonly gap: number;
  /** Whether the gap is below the tolerance; Shapley values add up by construction. */
  readonly complete: boolean;
};

/**
 * Explains one row on this device; nothing leaves it.
 *
 * @param input - one encoded row, [inputs].
 * @throws {INVALID_INPUT} when a width does not fit or the target has no such text.
 */
export function explainRow(judged: JudgedModel, input: Float64Array, options: ExplainOptions = {}): Explanation {
  const { schema, model } = judged;
  requireWidth('row', input, model.inputs);
  const { baseline = schemaBaseline(schema), pairs = 64, seed = 'explain' } = options;
  const prediction = predictRows(judged, input, options.temperature)[0]!;
  const { output, sign, explained } = whatToExplain(judged, prediction, options.explained);
  const plain = scalarOutput(model, output);
  const spans = featureSpans(schema);
  const found = ((): Found => {
    if (options.method === 'shapley') {
      const game = rowGame(plain, input, baseline, spans);
      if (spans.length <= exactShapleyMaxFeatures) {
        return { ...exactShapley(game), method: 'exactShapley', standardErrors: null, complete: true };
      }
      const sampled = permutationShapley(game, drawnOrders(spans.length, pairs, seed));
      return { ...sampled, method: 'permutationShapley', complete: true };
    }
    const { tolerance } = options;
    const gradients = integratedGradients(plain, input, baseline, tolerance === undefined ? {} : { tolerance });
    return {
      method: 'integratedGradients',
      attributions: sumOverSpans(gradients.attributions, spans),
      base: plain.value(baseline, 1)[0]!,
      value: plain.value(input, 1)[0]!,
      standardErrors: null,
      complete: gradients.converged,
    };
  })();
  const { target } = schema;
  const [scale, shift] = target.kind === 'number' ? [target.scale, target.centre] : [sign, 0];
  const total = found.attributions.reduce((sum, value) => sum + value, 0);
  return {
    prediction,
    method: found.method,
    explained,
    base: found.base * scale + shift,
    value: found.value * scale + shift,
    features: schema.columns.map((column, index) => ({
      column: column.name,
      value: decodedValue(column, input, spans[index]!.from),
      baseline: decodedValue(column, baseline, spans[index]!.from),
      attribution: found.attributions[index]! * scale,
      standardError: found.standardErrors === null ? null : found.standardErrors[index]! * Math.abs(scale),
    })),
    gap: (total - (found.value - found.base)) * scale,
    complete: found.complete,
  };
}

type Found = {
  readonly method: Explanation['method'];
  readonly attributions: Float64Array;
  readonly base: number;
  readonly value: number;
  readonly standardErrors: Float64Array | null;
  readonly complete: boolean;
};

/** Which output, with which sign, is the explained text's. */
function whatToExplain(
  { schema: { target } }: JudgedModel,
  prediction: Prediction,
  wanted: string | undefined,
): { readonly output: number; readonly sign: 1 | -1; readonly explained: Explanation['explained'] } {
  if (target.kind === 'number') {
    if (wanted !== undefined) throw new SottoError('INVALID_INPUT', `explained: a number has no class, got ${wanted}`);
    return { output: 0, sign: 1, explained: { kind: 'value', of: target.column } };
  }
  const texts = target.kind === 'binary' ? [target.positive, target.negative] : target.values;
  const predicted = prediction.kind === 'class' ? prediction.value : '';
  const of = wanted ?? (target.kind === 'binary' ? target.positive : predicted);
  const place = texts.indexOf(of);
  if (place < 0) {
    throw new SottoError('INVALID_INPUT', `explained: expected one of ${texts.slice(0, 10).join(', ')}, got ${of}`);
  }
  return target.kind === 'binary'
    ? { output: 0, sign: place === 0 ? 1 : -1, explained: { kind: 'logOdds', of } }
    : { output: place, sign: 1, explained: { kind: 'logit', of } };
}
