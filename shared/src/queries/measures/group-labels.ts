import { z } from 'zod';
import { largestGap, proportionFigure, reweighingOf, shown } from '../../metrics/index.ts';
import { attributeName, attributeProblems, attributeSchema, groupingBy, type AttributeColumns } from '../attributes.ts';
import { smallGroups, whyTooSmall } from './group-minimum.ts';
import type { Conclude, Measure, MeasureReport, NamedFigure } from './measure.ts';
import { classCountOf } from './performance.ts';

/** What a plan says of it. */
export const groupLabelsSettings = z.strictObject({
  kind: z.literal('groupLabels'),
  share: z.number().positive().max(1_000).default(1),
  attributes: z.array(attributeSchema).min(1).max(10),
});
type Settings = z.infer<typeof groupLabelsSettings>;

/** A group's rows by label. */
export type LabelledGroup = {
  readonly group: string;
  /** Noisy number of units. */
  readonly units: number;
  /**
   * Noisy counts and shares by label, null of a withheld group; the weight makes label and group independent, and is null where noise
   * hides the count.
   */
  readonly labels: readonly {
    readonly label: string;
    readonly count: number | null;
    readonly share: NamedFigure;
    readonly weight: number | null;
  }[];
  readonly withheld: string | null;
};

export type GroupLabelFigures = MeasureReport & {
  readonly attributes: readonly {
    readonly name: string;
    readonly columns: AttributeColumns;
    readonly groups: readonly LabelledGroup[];
  }[];
};

/**
 * How often each group has each label: what reweighing is computed from, before anything is trained.
 *
 * What the vector of a row is: for each attribute one 1 in a table of [groups × labels].
 *
 * Sensitivity: L2 √attributes: a row is in exactly one group of an attribute, and has one label.
 */
export const groupLabels: Measure<Settings> = {
  kind: 'groupLabels',
  problems: (context, { attributes }) => [
    ...(context.target === 'number'
      ? [{ path: 'kind', problem: 'a number target has no labels to count', cure: 'Take the measure out.' }]
      : []),
    ...attributeProblems(context.columns, attributes),
  ],
  layout: (context, { attributes }) =>
    attributes.map((attribute) => ({
      name: attributeName(attribute),
      length: groupingBy(context.columns, attribute.columns).names.length * classCountOf(context),
    })),
  normL2: (_context, { attributes }) => Math.sqrt(attributes.length),
  contribute: async ({ context, batch }, { attributes }, emit) => {
    const classes = classCountOf(context);
    let length = 0;
    const placed = attributes.map(({ columns }) => {
      const grouping = groupingBy(context.columns, columns);
      const at = length;
      length += grouping.names.length * classes;
      return { grouping, at };
    });
    const vector = new Float64Array(length);
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      for (const { grouping, at } of placed) {
        const group = grouping.groupOf(batch.inputs, row * batch.features);
        vector[at + group * classes + batch.targets[row]!] = 1;
      }
      emit(row, vector);
    }
  },
};

export const concludeGroupLabels: Conclude<Settings, GroupLabelFigures> = (context, { attributes }, sums) => {
  const classes = classCountOf(context);
  const { noiseStd } = sums;
  const minimum = smallGroups(context, classes, noiseStd);
  const concluded = attributes.map((attribute) => {
    const name = attributeName(attribute);
    const { names } = groupingBy(context.columns, attribute.columns);
    const cells = sums.segment(name);
    const counts = names.map((_, group) => cells.subarray(group * classes, (group + 1) * classes));
    const units = counts.map((own) => own.reduce((sum, count) => sum + count, 0));
    const isLarge = units.map((count) => count >= minimum);
    // Weights of the groups that are told, among themselves: the others keep weight 1.
    const weights = reweighingOf(
      counts.filter((_, group) => isLarge[group]),
      noiseStd,
    );
    const shares = counts.map((own, group) =>
      Array.from(own, (count) =>
        proportionFigure({
          correct: count,
          incorrect: units[group]! - count,
          noiseStd,
          incorrectNoiseStd: noiseStd * Math.sqrt(classes - 1),
        }),
      ),
    );
    let told = 0;
    const groups = names.map((group, index): LabelledGroup => {
      const withheld = isLarge[index]! ? null : whyTooSmall(units[index]!, minimum, context);
      const ownWeights = isLarge[index]! ? weights[told++]! : [];
      return {
        group,
        units: units[index]!,
        labels: context.classes.map((label, i) => ({
          label,
          count: withheld === null ? counts[index]![i]! : null,
          share: {
            name: label,
            ...(withheld === null ? shown(shares[index]![i]!) : { figure: null, withheld }),
          },
          weight: ownWeights[i] ?? null,
        })),
        withheld,
      };
    });
    const gaps = context.classes.map((_, i) =>
      largestGap(
        names.flatMap((group, index) => (isLarge[index] ? [{ group, figure: shares[index]![i]! }] : [])),
        classes === 2 ? 1 : classes,
      ),
    );
    const worst = gaps.reduce((most, gap) => {
      if (most === null || gap === null) return null;
      return gap.figure.value > most.figure.value ? gap : most;
    }, gaps[0] ?? null);
    const figure: NamedFigure = {
      name: `${name}.labelGap`,
      ...(worst !== null && worst.floor > 0 ? { floor: worst.floor } : {}),
      ...shown(worst?.figure ?? null, 1, 'fewer than two groups have a rate to compare'),
    };
    return { attribute: { name, columns: attribute.columns, groups }, figure, units };
  });
  return {
    units: concluded[0]?.units.reduce((sum, count) => sum + count, 0) ?? 0,
    figures: concluded.map(({ figure }) => figure),
    attributes: concluded.map(({ attribute }) => attribute),
  };
};
