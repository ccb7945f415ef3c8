import { SottoError } from '../errors/index.ts';
import type { ScoreHistogram } from './score-histogram.ts';

/** What the thresholds of all groups shall make equal. */
export const thresholdCriteria = ['equalizedOdds', 'equalOpportunity', 'demographicParity'] as const;
export type ThresholdCriterion = (typeof thresholdCriteria)[number];

/** The scores of a group, exact or noisy. */
export type GroupScores = ScoreHistogram & { readonly group: string };

/**
 * When a row of a group is predicted positive: with the sum of the chances of the thresholds that its score reaches. They add up to
 * 1 or less; what is left is never. One threshold of chance 1 is an ordinary one.
 */
export type GroupThreshold = {
  readonly group: string;
  readonly thresholds: readonly { readonly atLeast: number; readonly chance: number }[];
};

/** Thresholds by group, and what they give on the histograms that they were found on. */
export type GroupThresholds = {
  readonly criterion: ThresholdCriterion;
  readonly groups: readonly GroupThreshold[];
  readonly expected: {
    readonly accuracy: number;
    /** Largest differences between groups. */
    readonly demographicParity: number;
    readonly equalOpportunity: number;
    readonly equalizedOdds: number;
  };
};

/** Points at which the shared rate is looked for. */
const gridPoints = 1_000;

/**
 * The thresholds by group with the highest accuracy under a criterion of fairness, from histograms of scores.
 *
 * Each group can reach every point below the upper convex hull of its own curve, by drawing between two thresholds. For equalized odds the
 * curve is the ROC curve, and all groups take the point of highest accuracy that all of them reach; a group whose hull is higher there
 * ignores some scores. For equal opportunity (demographic parity) it is accuracy over the true positive rate (the share that is
 * selected), and all groups take the rate at which they are right most often together.
 *
 * Noisy histograms: counts are added up from the highest score and made to grow, halfway between the lowest sequence above and the
 * highest below; nothing else is done about noise, so that with little data the thresholds fit the noise.
 *
 * @throws {INVALID_INPUT} with fewer than two groups, unequal bins, or a group without positive or negative rows.
 * @see Hardt, Price, Srebro 2016, "Equality of Opportunity in Supervised Learning", §3.2 (equalized odds) and §3.1.
 */
export function groupThresholds(scores: readonly GroupScores[], criterion: ThresholdCriterion): GroupThresholds {
  const curves = scores.map(curveOf);
  if (curves.length < 2 || curves.some(({ bins }) => bins !== curves[0]!.bins)) {
    throw new SottoError(
      'INVALID_INPUT',
      `thresholds: expected two groups or more of as many bins, got ${scores.length}`,
    );
  }
  const groups = criterion === 'equalizedOdds' ? byOdds(curves) : byRate(curves, criterion);
  return { criterion, groups, expected: expectedOf(curves, groups) };
}

/** Chance that a row of a group is predicted positive. */
export function chanceOfPositive({ thresholds }: Pick<GroupThreshold, 'thresholds'>, score: number): number {
  return thresholds.reduce((sum, { atLeast, chance }) => sum + (score >= atLeast ? chance : 0), 0);
}

/** A group's rates at each threshold k / bins, k = 0 … bins. */
type Curve = {
  readonly group: string;
  readonly bins: number;
  readonly positives: number;
  readonly negatives: number;
  /** Shares of positive and of negative rows whose score reaches the threshold, [bins + 1]. */
  readonly hits: Float64Array;
  readonly alarms: Float64Array;
};

function curveOf({ group, positives, negatives }: GroupScores): Curve {
  const bins = positives.length;
  const [hits, alarms] = [reaching(positives), reaching(negatives)];
  const [p, n] = [hits[0]!, alarms[0]!];
  if (bins === 0 || negatives.length !== bins || !(p > 0) || !(n > 0)) {
    throw new SottoError('INVALID_INPUT', `thresholds: the group ${group} has no positive, or no negative rows`);
  }
  return { group, bins, positives: p, negatives: n, hits: hits.map((x) => x / p), alarms: alarms.map((x) => x / n) };
}

/** Rows in each bin or a higher one, made to grow downwards: [bins + 1], the last 0. */
function reaching(counts: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(counts.length + 1);
  for (let bin = counts.length - 1; bin >= 0; bin--) sums[bin] = sums[bin + 1]! + counts[bin]!;
  const total = Math.max(0, sums[0]!);
  const [above, below] = [sums.slice(), sums.slice()];
  for (let bin = counts.length - 1; bin >= 0; bin--) above[bin] = Math.max(above[bin]!, above[bin + 1]!);
  for (let bin = 1; bin < below.length; bin++) below[bin] = Math.min(below[bin]!, below[bin - 1]!);
  return sums.map((_, bin) => Math.min(total, Math.max(0, (above[bin]! + below[bin]!) / 2)));
}

/** A point of a curve, and the threshold that reaches it. */
type Point = { readonly x: number; readonly y: number; readonly threshold: number };

/** The upper convex hull of points, x growing. Andrew 1979. */
function upperHull(points: readonly Point[]): readonly Point[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const hull: Point[] = [];
  for (const point of sorted) {
    if (hull.at(-1)?.x === point.x) hull.pop();
    while (hull.length >= 2) {
      const [a, b] = [hull.at(-2)!, hull.at(-1)!];
      if ((b.x - a.x) * (point.y - a.y) < (b.y - a.y) * (point.x - a.x)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** Where a hull is at x: between two of its points, the second with that chance. */
function hullAt(hull: readonly Point[], x: number): { y: number; mix: readonly { point: Point; chance: number }[] } {
  const after = hull.findIndex((point) => point.x >= x);
  const b = hull[after] ?? hull.at(-1)!;
  const a = hull[after - 1];
  if (a === undefined || b.x <= x) return { y: b.y, mix: [{ point: b, chance: 1 }] };
  const chance = (x - a.x) / (b.x - a.x);
  return {
    y: a.y + chance * (b.y - a.y),
    mix: [
      { point: a, chance: 1 - chance },
      { point: b, chance },
    ],
  };
}

function byOdds(curves: readonly Curve[]): readonly GroupThreshold[] {
  const hulls = curves.map(({ bins, hits, alarms }) =>
    upperHull(Array.from(hits, (y, k) => ({ x: alarms[k]!, y, threshold: k / bins }))),
  );
  const positives = curves.reduce((sum, curve) => sum + curve.positives, 0);
  const negatives = curves.reduce((sum, curve) => sum + curve.negatives, 0);
  const reached = (x: number): number => Math.min(...hulls.map((hull) => hullAt(hull, x).y));
  const x = best((rate) => positives * reached(rate) + negatives * (1 - rate));
  const y = reached(x);
  return curves.map(({ group, bins }, index) => {
    const { y: own, mix } = hullAt(hulls[index]!, x);
    // The score is ignored with this chance; positive is then said with chance x, the point (x, x).
    const ignored = own > y ? (own - y) / (own - x) : 0;
    const weighted = mix.map(({ point, chance }) => ({ atLeast: point.threshold, chance: (1 - ignored) * chance }));
    return rule(group, bins, [...weighted, { atLeast: 0, chance: ignored * x }]);
  });
}

function byRate(
  curves: readonly Curve[],
  criterion: Exclude<ThresholdCriterion, 'equalizedOdds'>,
): readonly GroupThreshold[] {
  const hulls = curves.map(({ bins, positives, negatives, hits, alarms }) =>
    upperHull(
      Array.from(hits, (hit, k) => ({
        x:
          criterion === 'equalOpportunity' ? hit : (positives * hit + negatives * alarms[k]!) / (positives + negatives),
        y: positives * hit + negatives * (1 - alarms[k]!),
        threshold: k / bins,
      })),
    ),
  );
  const x = best((rate) => hulls.reduce((sum, hull) => sum + hullAt(hull, rate).y, 0));
  return curves.map(({ group, bins }, index) =>
    rule(
      group,
      bins,
      hullAt(hulls[index]!, x).mix.map(({ point, chance }) => ({ atLeast: point.threshold, chance })),
    ),
  );
}

function best(valueOf: (x: number) => number): number {
  let [found, most] = [0, -Infinity];
  for (let i = 0; i <= gridPoints; i++) {
    const value = valueOf(i / gridPoints);
    if (value > most) [found, most] = [i / gridPoints, value];
  }
  return found;
}

/** A group's thresholds in order; of the one that no score reaches nothing is said. */
function rule(group: string, bins: number, mix: readonly { atLeast: number; chance: number }[]): GroupThreshold {
  const thresholds = Array.from({ length: bins }, (_, k) => k / bins).flatMap((atLeast) => {
    const chance = mix.reduce((sum, one) => sum + (one.atLeast === atLeast ? one.chance : 0), 0);
    return chance > 0 ? [{ atLeast, chance }] : [];
  });
  return { group, thresholds };
}

function expectedOf(curves: readonly Curve[], groups: readonly GroupThreshold[]): GroupThresholds['expected'] {
  const at = (rates: Float64Array, { thresholds }: GroupThreshold, bins: number): number =>
    thresholds.reduce((sum, { atLeast, chance }) => sum + chance * rates[Math.round(atLeast * bins)]!, 0);
  const each = curves.map(({ bins, hits, alarms, positives, negatives }, index) => {
    const [hit, alarm] = [at(hits, groups[index]!, bins), at(alarms, groups[index]!, bins)];
    const rows = positives + negatives;
    const right = positives * hit + negatives * (1 - alarm);
    return { hit, alarm, rows, right, selected: (positives * hit + negatives * alarm) / rows };
  });
  const gap = (of: (one: (typeof each)[number]) => number): number =>
    Math.max(...each.map(of)) - Math.min(...each.map(of));
  return {
    accuracy: each.reduce((sum, { right }) => sum + right, 0) / each.reduce((sum, { rows }) => sum + rows, 0),
    demographicParity: gap(({ selected }) => selected),
    equalOpportunity: gap(({ hit }) => hit),
    equalizedOdds: Math.max(
      gap(({ hit }) => hit),
      gap(({ alarm }) => alarm),
    ),
  };
}
