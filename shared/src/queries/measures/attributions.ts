import { z } from 'zod';
import { integratedGradients, scalarOutput } from '../../judging/index.ts';
import {
  besideNoise,
  boundedMeanFigure,
  proportionFigure,
  shown,
  signedMeanFigure,
  type ReleasedImportance,
  type Shown,
} from '../../metrics/index.ts';
import { missingInputs, type DifferentiableModel } from '../../model/index.ts';
import type { QueryContext } from '../query.ts';
import { explainedFeatures, tokenProblems, type ExplainedFeature } from './explained-features.ts';
import type { Conclude, Measure, MeasureReport, MeasureSums } from './measure.ts';
import { byImportance, drownedWords, floorOf } from './ranking.ts';

export const attributionsSettings = z.strictObject({
  kind: z.literal('attributions'),
  share: z.number().positive().max(1_000).default(1),
  /** A: a row's attributions, one a feature, are scaled down to this L2 norm, in logits or scaled values. */
  clip: z.number().positive().max(1_000).default(4),
  /** Largest gap of a row's attributions to what they add up to, in the same unit, where 512 gradients reach it. */
  tolerance: z.number().min(1e-12).max(1).default(0.01),
});
type Settings = z.infer<typeof attributionsSettings>;

/** What the model rests on, over all rows. */
export type AttributionFigures = MeasureReport & {
  /** Which output is explained: log odds of the positive text, logit of the predicted class, or the scaled value. */
  readonly explained: 'positive' | 'predicted' | 'value';
  /** The feature that counts most first, those that are withheld last; in the unit of the output. */
  readonly features: readonly { readonly name: string; readonly meanAbsolute: Shown; readonly mean: Shown }[];
  /** What the noise leaves untold, and what would help; null where everything is told. */
  readonly drowned: string | null;
};

/** What attributions weigh beside the count of a row, which is known well enough with less. */
const weight = 2;
/** What the bit of a clipped row weighs. */
const bitWeight = 0.5;
const maxPoints = 512;

/** Of A: below it noise hides nothing that anybody would act on. */
const negligible = 0.01;

/**
 * What the model rests on: mean |integrated gradients| and mean integrated gradients of each feature, of the positive text's log odds, the
 * predicted class's logit, or the scaled value. The baseline is the row at which nothing is known, made of the plan's public constants: a
 * baseline from data would tell of other rows.
 *
 * What the vector of a row is, with a the row's attributions summed over each feature's inputs and scaled down to ‖a‖₂ ≤ A:
 * 1; ½ where they were scaled down; 2 |aⱼ| / A; 2 aⱼ / A, the factors being the segments' weights.
 *
 * Sensitivity: L2 ≤ √(1 + ¼ + 4 ‖a‖² / A² + 4 ‖a‖² / A²) ≤ √(1 + ¼ + 4 + 4) = √9.25, whatever the number of features. A row's attributions are
 * made from this row, the released weights and public constants alone; a row whose attributions are no numbers makes the unit's vector
 * none, and the door counts it as zero. How far a row is from adding up stays on the device: no figure of it leaves.
 *
 * At unit = client the means are means of the clients' means.
 *
 * @see Sundararajan, Taly, Yan 2017, "Axiomatic Attribution for Deep Networks", eq. 1.
 */
export const attributions: Measure<Settings> = {
  kind: 'attributions',
  problems: tokenProblems,
  layout: ({ columns }) => {
    const { length } = explainedFeatures(columns);
    return [
      { name: 'count', length: 1 },
      { name: 'clipped', length: 1, weight: bitWeight },
      { name: 'absolute', length, weight },
      { name: 'signed', length, weight },
    ];
  },
  normL2: () => Math.sqrt(1 + bitWeight ** 2 + 2 * weight ** 2),
  contribute: async ({ context, batch, differentiable }, { clip, tolerance }, emit) => {
    const model = await differentiable();
    const features = explainedFeatures(context.columns);
    const baseline = missingInputs(context.columns);
    const vector = new Float64Array(2 + 2 * features.length);
    for (let row = 0; row < batch.rows; row++) {
      const input = Float64Array.from(batch.inputs.subarray(row * batch.features, (row + 1) * batch.features));
      const output = scalarOutput(model, explainedOutput(model, input));
      const found = integratedGradients(output, input, baseline, { tolerance, maxPoints });
      addRow(vector, sumOverFeatures(found.attributions, features), clip);
      emit(row, vector);
    }
  },
};

export const concludeAttributions: Conclude<Settings, AttributionFigures> = (context, own, sums) => {
  const features = explainedFeatures(context.columns);
  const count = sums.segment('count')[0]!;
  const ranked = byImportance(
    features.map(({ name }, index) => ({ name, ...figuresOf(context, own, sums, count, index, features.length) })),
    ({ meanAbsolute }) => meanAbsolute,
  );
  const bits = sums.segment('clipped')[0]!;
  const bitStd = sums.noiseStdOf('clipped');
  const enough = count >= context.minimumUnits;
  const clipped = enough
    ? proportionFigure({
        correct: bits,
        incorrect: count - bits,
        noiseStd: bitStd,
        incorrectNoiseStd: Math.hypot(sums.noiseStd, bitStd),
      })
    : null;
  return {
    units: count,
    figures: [
      ...ranked.flatMap(({ name, meanAbsolute, mean }) => [
        { name: `${name}.meanAbsolute`, ...meanAbsolute, ...floorOf(meanAbsolute, features.length) },
        { name: `${name}.mean`, ...mean },
      ]),
      { name: 'clippedShare', ...shown(clipped) },
    ],
    explained: explainedKind(context),
    features: ranked,
    drowned: drownedWords(
      ranked.map(({ meanAbsolute }) => meanAbsolute),
      count,
    ),
  };
};

/** What of one release the stability over rounds is told by (`importanceStability`): the features that it tells. */
export function releasedImportance(
  round: number,
  { features }: Pick<AttributionFigures, 'features'>,
): ReleasedImportance {
  return {
    round,
    features: features.flatMap(({ name, meanAbsolute: { figure } }) => {
      return figure === null ? [] : [{ name, value: figure.value, noiseHalfWidth: figure.noiseHalfWidth }];
    }),
  };
}

function figuresOf(
  { minimumUnits }: QueryContext,
  { clip }: Settings,
  sums: MeasureSums,
  count: number,
  index: number,
  among: number,
): { readonly meanAbsolute: Shown; readonly mean: Shown } {
  if (count < minimumUnits) {
    const silence = { figure: null, withheld: `fewer than ${minimumUnits} units` };
    return { meanAbsolute: silence, mean: silence };
  }
  const noise = { sumNoiseStd: sums.noiseStdOf('signed') * clip, countNoiseStd: sums.noiseStd };
  const sumOf = (segment: string): number => sums.segment(segment)[index]! * clip;
  const absolute = boundedMeanFigure({ sum: sumOf('absolute'), count, max: clip, ...noise });
  // Squares of values within [-A, A] add up to no more than A times their sizes.
  const sizes = Math.max(absolute?.value ?? 0, Math.abs(sumOf('signed')) / count);
  const signed = signedMeanFigure({ sum: sumOf('signed'), count, max: clip, meanSquareMax: clip * sizes, ...noise });
  const rule = { among, negligible: negligible * clip };
  return {
    meanAbsolute: besideNoise(absolute, rule),
    // A column may pull both ways and come to 0: its noise is held against its size.
    mean: besideNoise(signed, { ...rule, signal: absolute?.value ?? 0 }),
  };
}

function explainedKind({ target }: QueryContext): AttributionFigures['explained'] {
  return target === 'number' ? 'value' : target === 'binary' ? 'positive' : 'predicted';
}

/** The only output, or the first of the largest. */
function explainedOutput(model: DifferentiableModel, input: Float64Array): number {
  if (model.outputs === 1) return 0;
  const logits = model.logits(input, 1);
  return logits.reduce((best, logit, output) => (logit > logits[best]! ? output : best), 0);
}

function sumOverFeatures(attributions: Float64Array, features: readonly ExplainedFeature[]): Float64Array {
  return Float64Array.from(features, ({ inputs }) => inputs.reduce((sum, input) => sum + attributions[input]!, 0));
}

function addRow(vector: Float64Array, attributions: Float64Array, clip: number): void {
  const { length } = attributions;
  const norm = Math.sqrt(attributions.reduce((sum, value) => sum + value * value, 0));
  const scale = 1 / Math.max(clip, norm);
  vector[0] = 1;
  vector[1] = Number(norm > clip);
  attributions.forEach((value, index) => {
    vector[2 + index] = scale * Math.abs(value);
    vector[2 + length + index] = scale * value;
  });
}
