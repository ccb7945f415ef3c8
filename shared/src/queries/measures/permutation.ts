import { z } from 'zod';
import { withFeatureFrom } from '../../judging/index.ts';
import {
  besideNoise,
  predictedClass,
  proportionFigure,
  shown,
  signedMeanFigure,
  type Figure,
  type Shown,
} from '../../metrics/index.ts';
import { integerStream, toProbabilities, type InputColumn } from '../../model/index.ts';
import { explainedFeatures, tokenProblems } from './explained-features.ts';
import type { Conclude, Measure, MeasureReport } from './measure.ts';
import { byImportance, drownedWords, floorOf } from './ranking.ts';

export const permutationSettings = z.strictObject({
  kind: z.literal('permutation'),
  share: z.number().positive().max(1_000).default(1),
  /**
   * Where replacements come from, public either way. `scale`: a number uniform with mean `centre` and deviation `scale` of the schema, within its
   * range; `range`: a number uniform over its whole range, which may hold much that no row has.
   */
  reference: z.enum(['scale', 'range']).default('scale'),
  /** Replacements for each row and feature, whose effects are averaged on the device. */
  repeats: z.int().min(1).max(100).default(5),
});
type Settings = z.infer<typeof permutationSettings>;

/** What accuracy would be lost were a column replaced by what is public of it. */
export type PermutationFigures = MeasureReport & {
  /** Of the rows as they are. */
  readonly accuracy: Shown;
  /** The feature whose replacement costs most first, those that are withheld last. */
  readonly features: readonly { readonly name: string; readonly drop: Shown }[];
  /** What the noise leaves untold, and what would help; null where everything is told. */
  readonly drowned: string | null;
};

/** A point of accuracy: below it noise hides nothing that anybody would act on. */
const negligible = 0.01;

/**
 * Permutation importance: how much accuracy a feature's replacement costs. Replacements are drawn from a public reference, never from other
 * rows: among local rows, one that is removed would have changed another one's replacement. A category's is uniform over its values; a
 * part of a picture is uniform noise. So a drop is against "nothing is known but what is usual", not against this federation's own rows.
 *
 * What the vector of a row is, with b = 1 where it is predicted right and c = 1 where it is with feature j replaced: b; 1 - b; b - cⱼ, the mean over
 * the repeats, for each of p features. The correct count of feature j is the sum of b less that of b - cⱼ; sending the difference makes its
 * noise one count's instead of two.
 *
 * Sensitivity: b and 1 - b make one 1, and |b - cⱼ| ≤ 1, so L2 ≤ √(1 + p). Draws are independent of all data and of one another.
 *
 * At unit = client these are means of the clients' shares.
 *
 * @see Breiman 2001, "Random Forests", §10; Fisher, Rudin, Dominici 2019, "All Models are Wrong, but Many are Useful", §3.
 */
export const permutation: Measure<Settings> = {
  kind: 'permutation',
  problems: (context) =>
    context.target === 'number'
      ? [
          {
            path: '',
            problem: 'permutation counts right predictions, and a number has none',
            cure: 'Ask for attributions or dependence instead.',
          },
        ]
      : tokenProblems(context),
  layout: ({ columns }) => [
    { name: 'baseline', length: 2 },
    { name: 'lost', length: explainedFeatures(columns).length },
  ],
  normL2: ({ columns }) => Math.sqrt(1 + explainedFeatures(columns).length),
  contribute: async ({ context, batch, differentiable, seed }, { reference, repeats }, emit) => {
    const model = await differentiable();
    const { rows, features: width } = batch;
    const features = explainedFeatures(context.columns);
    const inputs = Float64Array.from(batch.inputs);
    // NaN, which makes a vector none, of what is no number.
    const rightOf = (changed: Float64Array): Float64Array => {
      const values = model.logits(changed, rows);
      toProbabilities(context.loss, values, model.outputs);
      return Float64Array.from(batch.targets, (target, row) =>
        Number.isNaN(values[row * model.outputs]!)
          ? NaN
          : Number(predictedClass(values, row, model.outputs) === target),
      );
    };
    const right = rightOf(inputs);
    // Row-major [rows, features], means over the repeats.
    const lost = new Float64Array(rows * features.length);
    const uniform = integerStream(seed);
    const itself = Uint32Array.from({ length: rows }, (_, row) => row);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const donors = new Float64Array(inputs.length);
      for (let row = 0; row < rows; row++) drawInto(donors, row * width, context.columns, reference, uniform);
      features.forEach(({ inputs: places }, index) => {
        const still = rightOf(withFeatureFrom(inputs, width, places, donors, itself));
        for (let row = 0; row < rows; row++)
          lost[row * features.length + index]! += (right[row]! - still[row]!) / repeats;
      });
    }
    const vector = new Float64Array(2 + features.length);
    for (let row = 0; row < rows; row++) {
      vector[0] = right[row]!;
      vector[1] = 1 - right[row]!;
      vector.set(lost.subarray(row * features.length, (row + 1) * features.length), 2);
      emit(row, vector);
    }
  },
};

export const concludePermutation: Conclude<Settings, PermutationFigures> = (context, _own, sums) => {
  const [right, wrong] = sums.segment('baseline') as unknown as [number, number];
  const count = right + wrong;
  const { noiseStd } = sums;
  const enough = count >= context.minimumUnits;
  const silence = enough ? undefined : `fewer than ${context.minimumUnits} units`;
  const accuracy = enough ? proportionFigure({ correct: right, incorrect: wrong, noiseStd }) : null;
  const lost = sums.segment('lost');
  const features = explainedFeatures(context.columns);
  const rule = { among: features.length, negligible, silence };
  const ranked = byImportance(
    features.map(({ name }, index) => {
      const drop = accuracy && dropFigure(lost[index]!, count, accuracy, noiseStd);
      return { name, drop: besideNoise(drop, rule) };
    }),
    ({ drop }) => drop,
  );
  const baseline = shown(accuracy, 1, silence);
  return {
    units: count,
    figures: [
      { name: 'accuracy', ...baseline },
      ...ranked.map(({ name, drop }) => ({ name: `${name}.drop`, ...drop, ...floorOf(drop, features.length) })),
    ],
    accuracy: baseline,
    features: ranked,
    drowned: drownedWords(
      ranked.map(({ drop }) => drop),
      count,
    ),
  };
};

/**
 * A drop with its interval. A row changes by 1 where it was right and is wrong, by -1 the other way; the former are no more than those that
 * were right, nor than those that are wrong now, and so both together are bounded.
 */
function dropFigure(lost: number, count: number, accuracy: Figure, noiseStd: number): Figure | null {
  const drop = lost / count;
  const turned = Math.max(0, drop, Math.min(accuracy.value, 1 - accuracy.value + drop));
  return signedMeanFigure({
    sum: lost,
    count,
    max: 1,
    meanSquareMax: Math.max(drop * drop, 2 * turned - drop),
    sumNoiseStd: noiseStd,
    countNoiseStd: Math.SQRT2 * noiseStd,
  });
}

/** √3: a uniform value of mean 0 and deviation 1 lies within ± this. */
const uniformReach = Math.sqrt(3);

/** Writes a row of public draws, encoded, at an offset. */
function drawInto(
  target: Float64Array,
  offset: number,
  columns: readonly InputColumn[],
  reference: Settings['reference'],
  uniform: () => number,
): void {
  for (const { kind, from, to, low, high, values } of columns) {
    if (kind === 'category') {
      target[offset + from + Math.floor((uniform() / 2 ** 32) * values!.length)] = 1;
      continue;
    }
    const scaled = kind === 'number' && reference === 'scale' && low < uniformReach && high > -uniformReach;
    const [least, most] = scaled ? [Math.max(low, -uniformReach), Math.min(high, uniformReach)] : [low, high];
    for (let input = from; input < to; input++) {
      target[offset + input] = Math.fround(least + (uniform() / 2 ** 32) * (most - least));
    }
  }
}
