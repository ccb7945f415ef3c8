import { z } from 'zod';
import {
  calibrationFigures,
  calibrationOfHistogram,
  groupFairness,
  groupThresholds,
  largestGap,
  predictedClass,
  proportionFigure,
  reweighing,
  scoreBin,
  shown,
  thresholdCriteria,
  type GroupCounts,
  type GroupFairness,
  type GroupGap,
  type GroupRates,
  type GroupScores,
  type GroupThresholds,
  type Shown,
} from '../../metrics/index.ts';
import {
  attributeName,
  attributeProblems,
  attributeSchema,
  groupingBy,
  type Attribute,
  type AttributeColumns,
} from '../attributes.ts';
import type { QueryContext } from '../query.ts';
import { smallGroups, whyTooSmall } from './group-minimum.ts';
import type { Conclude, Measure, MeasureReport, MeasureSums, NamedFigure } from './measure.ts';
import { classCountOf } from './performance.ts';

/** What a plan says of it. */
export const fairnessSettings = z.strictObject({
  kind: z.literal('fairness'),
  share: z.number().positive().max(1_000).default(1),
  attributes: z.array(attributeSchema).min(1).max(10),
  /** Bins of each group's histograms of scores, for calibration and thresholds by group; absent: neither is told. */
  bins: z.int().min(2).max(1_000).optional(),
});
type Settings = z.infer<typeof fairnessSettings>;

/** A group of an attribute. */
export type FairnessGroup = {
  readonly group: string;
  /** Noisy number of units. */
  readonly units: number;
  /** Noisy counts of a binary target; null of several classes, and of a withheld group. */
  readonly counts: { readonly tp: number; readonly fp: number; readonly fn: number; readonly tn: number } | null;
  /**
   * In the order in which they are shown. Binary: accuracy, selectionRate, truePositiveRate, falsePositiveRate,
   * positivePredictiveValue, baseRate, and with bins calibrationError; classes: accuracy, and the share predicted of each class.
   */
  readonly rates: readonly NamedFigure[];
  /** Weights that make label and group independent; null where noise hides the count. Empty for a withheld group, and for classes. */
  readonly weights: readonly { readonly label: string; readonly weight: number | null }[];
  /** Noisy histogram of scores; null without bins, and of a withheld group. */
  readonly histogram: { readonly positives: readonly number[]; readonly negatives: readonly number[] } | null;
  /** Why the group is compared with none. */
  readonly withheld: string | null;
};

/** What is known of the groups of an attribute. */
export type AttributeFairness = {
  readonly name: string;
  readonly columns: AttributeColumns;
  readonly groups: readonly FairnessGroup[];
  /** Between which groups each difference lies. */
  readonly extremes: readonly { readonly figure: string; readonly highest: string; readonly lowest: string }[];
  /** Thresholds by group that would make the groups more equal, and what they would give; null without bins, or where they cannot be told. */
  readonly thresholds: readonly GroupThresholds[] | null;
};

export type FairnessFigures = MeasureReport & { readonly attributes: readonly AttributeFairness[] };

/** What a histogram, or a prediction of several classes, weighs beside the counts on which most rests. */
const weight = 0.5;

/** Bins of a calibration error at most. */
const calibrationBinsMax = 10;

/**
 * How the model treats groups of people: confusions by group, and histograms of scores by group.
 *
 * What the vector of a row is, with the weights that it is given, for each attribute, of which it is in exactly one group (a category has a
 * cell for what is none of its values), h = 1/2:
 * - binary: one 1 in a table of [groups × 4], by label and prediction; with bins one h in a histogram of [groups × 2 × bins], of
 *   the score, the positive rows first.
 * - classes: one 1 in a table of [groups × 2], wrong or right; one h in a table of [groups × classes], by the predicted class.
 *
 * Sensitivity: L2 ≤ √(attributes · (1 + h²)), without bins √attributes for a binary target; how many groups there are is
 * irrelevant. A score that is no number makes the unit's vector none, and the door counts it as zero.
 */
export const fairness: Measure<Settings> = {
  kind: 'fairness',
  problems: (context, { attributes, bins }) => [
    ...(context.target === 'number'
      ? [
          {
            path: 'kind',
            problem: 'a number target has no outcome whose rates groups could be compared by',
            cure: 'Take the measure out.',
          },
        ]
      : []),
    ...(bins !== undefined && context.target === 'classes'
      ? [{ path: 'bins', problem: 'scores by group are of binary targets', cure: 'Take it out.' }]
      : []),
    ...(bins !== undefined && bins % 2 !== 0
      ? [{ path: 'bins', problem: `${bins} bins put a threshold of 1/2 within a bin`, cure: 'Use an even number.' }]
      : []),
    ...attributeProblems(context.columns, attributes),
  ],
  layout: (context, own) =>
    own.attributes.flatMap((attribute) => {
      const name = attributeName(attribute);
      return segmentsOf(context, own, attribute).map(({ what, ...segment }) => ({
        name: `${name}/${what}`,
        ...segment,
      }));
    }),
  normL2: (context, { attributes, bins }) =>
    Math.sqrt(attributes.length * (1 + (context.target === 'binary' && bins === undefined ? 0 : weight ** 2))),
  contribute: async ({ context, batch, outputs }, own, emit) => {
    const placed = place(context, own);
    const vector = new Float64Array(placed.length);
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      const target = batch.targets[row]!;
      const predicted = predictedClass(outputs, row, context.outputs);
      const bin = own.bins === undefined ? 0 : binOf(outputs[row]!, own.bins);
      for (const { grouping, firstAt, secondAt } of placed.attributes) {
        const group = grouping.groupOf(batch.inputs, row * batch.features);
        if (context.target === 'binary') {
          vector[firstAt + 4 * group + 2 * target + predicted] = 1;
          if (own.bins !== undefined) vector[secondAt + own.bins * (2 * group + (target === 1 ? 0 : 1)) + bin] = 1;
        } else {
          vector[firstAt + 2 * group + Number(predicted === target)] = 1;
          vector[secondAt + context.outputs * group + predicted] = 1;
        }
      }
      if (Number.isNaN(bin)) vector[0] = NaN;
      emit(row, vector);
    }
  },
};

export const concludeFairness: Conclude<Settings, FairnessFigures> = (context, own, sums) => {
  const minimum = smallGroups(context, 4, sums.noiseStd);
  const each = own.attributes.map((attribute) =>
    context.target === 'binary'
      ? binaryAttribute(context, own, attribute, sums, minimum)
      : classAttribute(context, attribute, sums, minimum),
  );
  const [first] = each;
  return {
    units: first?.attribute.groups.reduce((sum, { units }) => sum + units, 0) ?? 0,
    figures: each.flatMap(({ figures }) => figures),
    attributes: each.map(({ attribute }) => attribute),
  };
};

/** The two tables of an attribute; the second may be absent. */
function segmentsOf(context: QueryContext, { bins }: Settings, { columns }: Attribute) {
  const groups = groupingBy(context.columns, columns).names.length;
  if (context.target !== 'binary') {
    return [
      { what: 'right', length: groups * 2 },
      { what: 'predicted', length: groups * classCountOf(context), weight },
    ];
  }
  const confusion = { what: 'confusion', length: groups * 4 };
  return bins === undefined ? [confusion] : [confusion, { what: 'scores', length: groups * 2 * bins, weight }];
}

function place(context: QueryContext, own: Settings) {
  let at = 0;
  const attributes = own.attributes.map((attribute) => {
    const [first, second] = segmentsOf(context, own, attribute);
    const firstAt = at;
    const secondAt = at + first!.length;
    at = secondAt + (second?.length ?? 0);
    return { grouping: groupingBy(context.columns, attribute.columns), firstAt, secondAt };
  });
  return { attributes, length: at };
}

/** Histogram bin of a score; NaN, which makes a vector none, of what is no probability. */
function binOf(score: number, bins: number): number {
  return score >= 0 && score <= 1 ? scoreBin(score, bins) : NaN;
}

type Concluded = { readonly attribute: AttributeFairness; readonly figures: readonly NamedFigure[] };

const none = 'fewer than two groups have a rate to compare';

function binaryAttribute(
  context: QueryContext,
  { bins }: Settings,
  attribute: Attribute,
  sums: MeasureSums,
  minimum: number,
): Concluded {
  const name = attributeName(attribute);
  const { names } = groupingBy(context.columns, attribute.columns);
  const confusion = sums.segment(`${name}/confusion`);
  const counts = names.map((group, index): GroupCounts => {
    const [tn, fp, fn, tp] = confusion.subarray(4 * index, 4 * index + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    return { group, tp, fp, fn, tn };
  });
  const { noiseStd } = sums;
  const found = groupFairness(counts, { noiseStd, minimumRows: minimum });
  const noise = bins === undefined ? 0 : sums.noiseStdOf(`${name}/scores`);
  const scores = bins === undefined ? null : scoresOf(names, sums.segment(`${name}/scores`), bins);
  const isLarge = (group: string): boolean => !found.withheld.includes(group);
  const reweighed = reweighing(
    counts.filter(({ group }) => isLarge(group)),
    noiseStd,
  );
  const [negative = '', positive = ''] = context.classes;
  const groups = found.groups.map((rates, index): FairnessGroup => {
    const withheld = isLarge(rates.group) ? null : whyTooSmall(rates.rows, minimum, context);
    const { tp, fp, fn, tn } = counts[index]!;
    const histogram = scores?.[index] ?? null;
    const weights = reweighed.find(({ group }) => group === rates.group);
    return {
      group: rates.group,
      units: rates.rows,
      counts: withheld === null ? { tp, fp, fn, tn } : null,
      rates: [...ratesOf(rates, withheld), ...(histogram === null ? [] : [calibrationOf(histogram, noise, withheld)])],
      weights:
        weights === undefined
          ? []
          : [
              { label: negative, weight: weights.negative },
              { label: positive, weight: weights.positive },
            ],
      histogram:
        histogram === null || withheld !== null
          ? null
          : { positives: Array.from(histogram.positives), negatives: Array.from(histogram.negatives) },
      withheld,
    };
  });
  const gaps = gapsOf(found);
  const large = scores?.filter(({ group }) => isLarge(group)) ?? [];
  return {
    attribute: {
      name,
      columns: attribute.columns,
      groups,
      extremes: gaps.flatMap(({ figure, gap }) =>
        gap === null ? [] : [{ figure: `${name}.${figure}`, highest: gap.highest, lowest: gap.lowest }],
      ),
      thresholds: bins === undefined ? null : suggestionsOf(large, 3 * noise * Math.sqrt(bins)),
    },
    figures: [
      ...gaps.map(({ figure, gap, isRatio }) => gapFigure(`${name}.${figure}`, gap, isRatio)),
      { name: `${name}.equalizedOddsMean`, ...shown(found.equalizedOddsMean, 1, none) },
    ],
  };
}

function gapsOf(found: GroupFairness) {
  return [
    { figure: 'demographicParity', gap: found.demographicParity, isRatio: false },
    { figure: 'disparateImpact', gap: found.disparateImpact, isRatio: true },
    { figure: 'equalOpportunity', gap: found.equalOpportunity, isRatio: false },
    { figure: 'equalizedOdds', gap: found.equalizedOdds, isRatio: false },
    { figure: 'predictiveParity', gap: found.predictiveParity, isRatio: false },
    { figure: 'accuracyGap', gap: found.accuracy, isRatio: false },
  ];
}

/** A comparison as it may be shown. A ratio of the smallest to the largest rate never passes 1, whatever its interval does. */
function gapFigure(name: string, gap: GroupGap | null, isRatio: boolean): NamedFigure {
  const figure = gap === null ? null : isRatio ? { ...gap.figure, high: Math.min(1, gap.figure.high) } : gap.figure;
  const floor = gap !== null && gap.floor !== (isRatio ? 1 : 0) ? { floor: gap.floor } : {};
  return { name, ...floor, ...shown(figure, 1, none) };
}

function ratesOf(rates: GroupRates, withheld: string | null): readonly NamedFigure[] {
  const { accuracy, selectionRate, truePositiveRate, falsePositiveRate, positivePredictiveValue, baseRate } = rates;
  const all = { accuracy, selectionRate, truePositiveRate, falsePositiveRate, positivePredictiveValue, baseRate };
  return Object.entries(all).map(([name, figure]) => ({ name, ...(silent(withheld) ?? shown(figure)) }));
}

function silent(withheld: string | null): Shown | null {
  return withheld === null ? null : { figure: null, withheld };
}

function scoresOf(names: readonly string[], counts: Float64Array, bins: number): readonly GroupScores[] {
  return names.map((group, index) => {
    const from = 2 * bins * index;
    return {
      group,
      positives: counts.subarray(from, from + bins),
      negatives: counts.subarray(from + bins, from + 2 * bins),
    };
  });
}

function calibrationOf(histogram: GroupScores, noise: number, withheld: string | null): NamedFigure {
  const all = histogram.positives.length;
  let bins = Math.min(all, calibrationBinsMax);
  while (all % bins !== 0) bins -= 1;
  const inOne = Math.sqrt(all / bins);
  const found = calibrationFigures(calibrationOfHistogram(histogram, bins), {
    count: noise * inOne * Math.SQRT2,
    sumConfidence: noise * inOne * Math.SQRT2,
    sumCorrect: noise * inOne,
  });
  const floor = found === null ? {} : { floor: found.floor };
  return { name: 'calibrationError', ...floor, ...(silent(withheld) ?? shown(found?.ece ?? null)) };
}

/** @param least - rows of each class that a group needs, so that its curve is not made of noise; the others get no thresholds. */
function suggestionsOf(scores: readonly GroupScores[], least: number): readonly GroupThresholds[] | null {
  const sum = (counts: ArrayLike<number>): number => Array.from(counts).reduce((total, count) => total + count, 0);
  const told = scores.filter(({ positives, negatives }) => Math.min(sum(positives), sum(negatives)) > least);
  return told.length < 2 ? null : thresholdCriteria.map((criterion) => groupThresholds(told, criterion));
}

function classAttribute(context: QueryContext, attribute: Attribute, sums: MeasureSums, minimum: number): Concluded {
  const name = attributeName(attribute);
  const { names } = groupingBy(context.columns, attribute.columns);
  const classes = classCountOf(context);
  const right = sums.segment(`${name}/right`);
  const predicted = sums.segment(`${name}/predicted`);
  const noise = sums.noiseStdOf(`${name}/predicted`);
  const { noiseStd } = sums;
  const groups = names.map((group, index) => {
    const [incorrect, correct] = [right[2 * index]!, right[2 * index + 1]!];
    const own = predicted.subarray(classes * index, classes * (index + 1));
    const total = own.reduce((sum, count) => sum + count, 0);
    return {
      group,
      units: incorrect + correct,
      accuracy: proportionFigure({ correct, incorrect, noiseStd }),
      shares: Array.from(own, (count) =>
        proportionFigure({
          correct: count,
          incorrect: total - count,
          noiseStd: noise,
          incorrectNoiseStd: noise * Math.sqrt(classes - 1),
        }),
      ),
    };
  });
  const large = groups.filter(({ units }) => units >= minimum);
  const accuracy = largestGap(large.map(({ group, accuracy: figure }) => ({ group, figure })));
  const byClass = context.classes.map((_, index) =>
    largestGap(
      large.map(({ group, shares }) => ({ group, figure: shares[index]! })),
      classes,
    ),
  );
  const parity = byClass.some((gap) => gap === null)
    ? null
    : byClass.reduce((worst, gap) => (gap!.figure.value > worst!.figure.value ? gap : worst), byClass[0] ?? null);
  const gaps = [
    { figure: 'demographicParity', gap: parity },
    { figure: 'accuracyGap', gap: accuracy },
  ];
  return {
    attribute: {
      name,
      columns: attribute.columns,
      groups: groups.map(({ group, units, accuracy: figure, shares }) => {
        const withheld = units >= minimum ? null : whyTooSmall(units, minimum, context);
        const one = (rate: string, value: typeof figure): NamedFigure => ({
          name: rate,
          ...(silent(withheld) ?? shown(value)),
        });
        const rates = [
          one('accuracy', figure),
          ...shares.map((share, i) => one(`predicted ${context.classes[i] ?? i}`, share)),
        ];
        return { group, units, counts: null, rates, weights: [], histogram: null, withheld };
      }),
      extremes: gaps.flatMap(({ figure, gap }) =>
        gap === null ? [] : [{ figure: `${name}.${figure}`, highest: gap.highest, lowest: gap.lowest }],
      ),
      thresholds: null,
    },
    figures: gaps.map(({ figure, gap }) => gapFigure(`${name}.${figure}`, gap, false)),
  };
}
