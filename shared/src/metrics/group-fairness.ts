import { SottoError } from '../errors/index.ts';
import { differenceOfFigures, meanOfFigures, ratioOfFigures } from './combine-figures.ts';
import type { ConfusionCounts } from './confusion.ts';
import { normalQuantile, z95, type Figure } from './interval.ts';
import { proportionFigure } from './noisy-ratio.ts';

/** A group's confusion. An intersection of attributes is a group of its own, named as the caller likes. */
export type GroupCounts = ConfusionCounts & { readonly group: string };

/** The rates by which groups are compared; null where a group has no row that the rate is of, or fewer than the noise. */
export type GroupRates = {
  readonly group: string;
  /** Rows, noise included. */
  readonly rows: number;
  readonly accuracy: Figure | null;
  /** Share predicted positive. */
  readonly selectionRate: Figure | null;
  readonly truePositiveRate: Figure | null;
  readonly falsePositiveRate: Figure | null;
  readonly positivePredictiveValue: Figure | null;
  /** Share that is positive. */
  readonly baseRate: Figure | null;
};

/** A comparison of the groups with the highest and the lowest rate. */
export type GroupGap = {
  readonly figure: Figure;
  readonly highest: string;
  readonly lowest: string;
  /**
   * What noise alone shows where there is no gap, in 95 of 100 releases: a difference below it, or a ratio above it, is no sign of
   * a gap. 0 (a ratio: 1) without noise.
   */
  readonly floor: number;
};

export type GroupFairness = {
  readonly groups: readonly GroupRates[];
  /** Groups that are compared by nothing: they have fewer rows than the minimum. */
  readonly withheld: readonly string[];
  /** Largest difference of selection rates. Dwork et al. 2012. */
  readonly demographicParity: GroupGap | null;
  /** Smallest selection rate over the largest. Feldman et al. 2015; below 0.8 by the four-fifths rule of 29 CFR 1607.4 D. */
  readonly disparateImpact: GroupGap | null;
  /** Largest difference of true positive rates. Hardt, Price, Srebro 2016, definition 2.2. */
  readonly equalOpportunity: GroupGap | null;
  /** The larger of the largest differences of true and of false positive rates. Hardt, Price, Srebro 2016, definition 2.1. */
  readonly equalizedOdds: GroupGap | null;
  /** Mean of the two instead of the larger. */
  readonly equalizedOddsMean: Figure | null;
  /** Largest difference of positive predictive values. Chouldechova 2017. */
  readonly predictiveParity: GroupGap | null;
  /** Largest difference of accuracies. */
  readonly accuracy: GroupGap | null;
};

export type FairnessOptions = {
  /** Standard deviation of the noise in each count; 0 for exact counts. */
  readonly noiseStd?: number;
  /** Rows, noise included, below which a group is withheld; 1 where not given. */
  readonly minimumRows?: number;
  /** Count a rate that a group cannot have (0 of 0) as 0, as fairlearn does, instead of leaving the group out of that rate. */
  readonly undefinedAsZero?: boolean;
};

/**
 * Fairness over groups from their confusions, with intervals that hold sampling and noise. A difference's interval is that of the
 * two groups with the extreme rates, widened where another pair's reaches higher; the search for the extremes makes the value
 * lean upwards, as it does in every tool that reports the largest difference.
 *
 * @throws {INVALID_INPUT} when there is no group, a name stands twice, or a number is not finite.
 */
export function groupFairness(groups: readonly GroupCounts[], options: FairnessOptions = {}): GroupFairness {
  const { noiseStd = 0, minimumRows = 1, undefinedAsZero = false } = options;
  const names = new Set(groups.map(({ group }) => group));
  if (groups.length === 0 || names.size < groups.length) {
    throw new SottoError('INVALID_INPUT', `fairness: expected groups with different names, got ${groups.length}`);
  }
  const rates = groups.map((counts) => ratesOf(counts, noiseStd));
  const large = rates.filter(({ rows }) => rows >= minimumRows);
  const of = (pick: (rates: GroupRates) => Figure | null): readonly Named[] =>
    large.flatMap((one) => {
      const figure = pick(one) ?? (undefinedAsZero ? { value: 0, low: 0, high: 1, noiseHalfWidth: 0 } : null);
      return figure === null ? [] : [{ group: one.group, figure }];
    });
  const positives = of((one) => one.truePositiveRate);
  const negatives = of((one) => one.falsePositiveRate);
  const selected = of((one) => one.selectionRate);
  // Two rates are searched for the larger gap.
  const [byPositives, byNegatives] = [largestGap(positives, 2), largestGap(negatives, 2)];
  const odds = [byPositives, byNegatives].filter((gap) => gap !== null);
  return {
    groups: rates,
    withheld: rates.filter(({ rows }) => !(rows >= minimumRows)).map(({ group }) => group),
    demographicParity: largestGap(selected),
    disparateImpact: smallestRatio(selected),
    equalOpportunity: largestGap(positives),
    equalizedOdds:
      odds.length < 2 ? null : odds.reduce((worst, gap) => (gap.figure.value > worst.figure.value ? gap : worst)),
    equalizedOddsMean: odds.length < 2 ? null : meanOfFigures(odds.map(({ figure }) => figure)),
    predictiveParity: largestGap(of((one) => one.positivePredictiveValue)),
    accuracy: largestGap(of((one) => one.accuracy)),
  };
}

/** A group's rate. */
type Named = { readonly group: string; readonly figure: Figure };

function ratesOf({ group, tp, fp, fn, tn }: GroupCounts, noiseStd: number): GroupRates {
  const twice = Math.SQRT2 * noiseStd;
  return {
    group,
    rows: tp + fp + fn + tn,
    accuracy: proportionFigure({ correct: tp + tn, incorrect: fp + fn, noiseStd: twice }),
    selectionRate: proportionFigure({ correct: tp + fp, incorrect: fn + tn, noiseStd: twice }),
    truePositiveRate: proportionFigure({ correct: tp, incorrect: fn, noiseStd }),
    falsePositiveRate: proportionFigure({ correct: fp, incorrect: tn, noiseStd }),
    positivePredictiveValue: proportionFigure({ correct: tp, incorrect: fp, noiseStd }),
    baseRate: proportionFigure({ correct: tp + fn, incorrect: fp + tn, noiseStd: twice }),
  };
}

/**
 * The groups with the highest and the lowest rate; null with fewer than two that have one.
 * @param searched - how many rates' gaps the caller takes the largest of; the floor allows for it (Bonferroni).
 */
export function largestGap(
  all: readonly { readonly group: string; readonly figure: Figure | null }[],
  searched = 1,
): GroupGap | null {
  const rates = all.flatMap(({ group, figure }) => (figure === null ? [] : [{ group, figure }]));
  const ends = extremes(rates);
  if (ends === null) return null;
  const { highest, lowest } = ends;
  const { value, noiseHalfWidth, ...interval } = differenceOfFigures(highest.figure, lowest.figure);
  let { low, high } = interval;
  for (const { a, b } of pairsOf(rates)) {
    const pair = differenceOfFigures(a.figure, b.figure);
    low = Math.max(low, pair.low, -pair.high);
    high = Math.max(high, pair.high, -pair.low);
  }
  const figure = { value, low: Math.min(value, Math.max(0, low)), high: Math.min(1, high), noiseHalfWidth };
  return {
    figure,
    highest: highest.group,
    lowest: lowest.group,
    floor: searchedQuantile(rates, searched) * widest(rates),
  };
}

function smallestRatio(rates: readonly Named[]): GroupGap | null {
  const ends = extremes(rates);
  if (ends === null) return null;
  const { highest, lowest } = ends;
  const figure = ratioOfFigures(lowest.figure, highest.figure);
  if (figure === null) return null;
  const mean = rates.reduce((sum, one) => sum + one.figure.value, 0) / rates.length;
  return {
    figure,
    highest: highest.group,
    lowest: lowest.group,
    // The deviation of the ratio's logarithm where both rates are the mean one.
    floor: Math.exp((-searchedQuantile(rates, 1) * widest(rates)) / mean),
  };
}

function extremes(rates: readonly Named[]): { readonly highest: Named; readonly lowest: Named } | null {
  if (rates.length < 2) return null;
  return {
    highest: rates.reduce((best, one) => (one.figure.value > best.figure.value ? one : best)),
    lowest: rates.reduce((best, one) => (one.figure.value < best.figure.value ? one : best)),
  };
}

function pairsOf(rates: readonly Named[]): readonly { readonly a: Named; readonly b: Named }[] {
  return rates.flatMap((a, i) => rates.slice(i + 1).map((b) => ({ a, b })));
}

/** Deviations that the largest of all searched differences stays below in 95 of 100 cases, or more. */
function searchedQuantile(rates: readonly Named[], searched: number): number {
  const differences = ((rates.length * (rates.length - 1)) / 2) * searched;
  return normalQuantile(1 - 0.05 / 2 / differences);
}

/** Largest standard deviation by noise of a difference of two rates. */
function widest(rates: readonly Named[]): number {
  return Math.max(
    ...pairsOf(rates).map(({ a, b }) => Math.hypot(a.figure.noiseHalfWidth, b.figure.noiseHalfWidth) / z95),
  );
}

/** Comparisons of all other groups together with one that is called privileged; below 0 (a ratio: 1) where they fare worse. */
export type AgainstPrivileged = {
  readonly statisticalParityDifference: Figure | null;
  readonly disparateImpact: Figure | null;
  readonly averageOddsDifference: Figure | null;
  readonly equalOpportunityDifference: Figure | null;
  readonly errorRateDifference: Figure | null;
};

/**
 * Signed comparisons with a privileged group, the others taken together.
 * @param noiseStd - standard deviation of the noise in each count.
 * @see Bellamy et al. 2018 (AI Fairness 360), §5.
 * @throws {INVALID_INPUT} when there is no such group, or no other.
 */
export function againstPrivileged(groups: readonly GroupCounts[], privileged: string, noiseStd = 0): AgainstPrivileged {
  const one = groups.find(({ group }) => group === privileged);
  const others = groups.filter(({ group }) => group !== privileged);
  if (one === undefined || others.length === 0) {
    throw new SottoError('INVALID_INPUT', `fairness: expected the group ${privileged} and another`);
  }
  const total = (pick: (counts: GroupCounts) => number): number =>
    others.reduce((sum, counts) => sum + pick(counts), 0);
  const rest = {
    group: 'others',
    tp: total((c) => c.tp),
    fp: total((c) => c.fp),
    fn: total((c) => c.fn),
    tn: total((c) => c.tn),
  };
  const a = ratesOf(rest, noiseStd * Math.sqrt(others.length));
  const b = ratesOf(one, noiseStd);
  const difference = (x: Figure | null, y: Figure | null): Figure | null =>
    x === null || y === null ? null : differenceOfFigures(x, y);
  const positives = difference(a.truePositiveRate, b.truePositiveRate);
  const negatives = difference(a.falsePositiveRate, b.falsePositiveRate);
  return {
    statisticalParityDifference: difference(a.selectionRate, b.selectionRate),
    disparateImpact:
      a.selectionRate === null || b.selectionRate === null ? null : ratioOfFigures(a.selectionRate, b.selectionRate),
    averageOddsDifference: positives === null || negatives === null ? null : meanOfFigures([positives, negatives]),
    equalOpportunityDifference: positives,
    // The error rate is 1 - accuracy.
    errorRateDifference: difference(b.accuracy, a.accuracy),
  };
}

/**
 * Weights of rows by group and label that make label and group independent: P(group) · P(label) / P(group, label). Null where a
 * cell has no row, or fewer than twice its noise.
 *
 * @param counts - rows by group and label, [groups][labels].
 * @param noiseStd - standard deviation of the noise in each count.
 * @see Kamiran, Calders 2012, "Data preprocessing techniques for classification without discrimination", §4.3.
 */
export function reweighingOf(
  counts: readonly ArrayLike<number>[],
  noiseStd = 0,
): readonly (readonly (number | null)[])[] {
  const ofGroup = counts.map((cells) => Array.from(cells).reduce((sum, count) => sum + count, 0));
  const total = ofGroup.reduce((sum, count) => sum + count, 0);
  const ofLabel = Array.from(counts[0] ?? [], (_, label) => counts.reduce((sum, cells) => sum + cells[label]!, 0));
  return counts.map((cells, group) =>
    Array.from(cells, (count, label) =>
      count > 2 * noiseStd ? (ofGroup[group]! * ofLabel[label]!) / (total * count) : null,
    ),
  );
}

/**
 * The same from confusions.
 * @param noiseStd - standard deviation of the noise in each count of the confusion.
 */
export function reweighing(
  groups: readonly GroupCounts[],
  noiseStd = 0,
): readonly { readonly group: string; readonly positive: number | null; readonly negative: number | null }[] {
  const weights = reweighingOf(
    groups.map(({ tp, fp, fn, tn }) => [fp + tn, tp + fn]),
    Math.SQRT2 * noiseStd,
  );
  return groups.map(({ group }, index) => ({
    group,
    positive: weights[index]![1]!,
    negative: weights[index]![0]!,
  }));
}
