import { normalDraws } from '../judging/normal-draws.ts';
import { createSeededRandom } from '../random/index.ts';
import { z95 } from './interval.ts';

/** The importances of one release, of the features that it told. */
export type ReleasedImportance = {
  readonly round: number;
  readonly features: readonly {
    readonly name: string;
    readonly value: number;
    /** 95 % half width of the noise in the value alone. */
    readonly noiseHalfWidth: number;
  }[];
};

/** How the order of importances holds from one release to another. */
export type ImportanceStability = {
  readonly from: number;
  readonly to: number;
  /** Features that both releases tell; nothing is said of the others. */
  readonly compared: number;
  /** Spearman's, in [-1, 1], of the released values. */
  readonly rankCorrelation: number;
  /** Rank correlation that noise alone leaves of importances that have not changed, in 95 of 100 pairs of releases; 1 without noise. */
  readonly noiseFloor: number;
  /** Share of the first k of one release that are among the first k of the other. */
  readonly topOverlap: number;
  readonly top: number;
  /** `changed`: the order differs by more than noise alone explains. `unchanged`: nothing says so, which is no proof. */
  readonly verdict: 'unchanged' | 'changed';
};

const draws = 400;

/**
 * Stability of what a model rests on, over its rounds: each release against the one before it. Made of released numbers alone, so it costs
 * nothing. Null in place of a pair that has fewer than three features in common.
 *
 * How much noise moves ranks depends on how far the importances lie apart, which is known with noise only: the released values are first drawn
 * together by what noise has added to their spread, and pairs of releases are then drawn from them. The same releases give the same floor.
 *
 * @param releases - in the order of their rounds.
 * @param top - k, at least 1.
 * @see Spearman 1904; James, Stein 1961 for the spread without noise.
 */
export function importanceStability(
  releases: readonly ReleasedImportance[],
  top = 3,
): readonly (ImportanceStability | null)[] {
  return releases.slice(1).map((now, index) => compare(releases[index]!, now, top));
}

function compare(before: ReleasedImportance, now: ReleasedImportance, top: number): ImportanceStability | null {
  const pairs = before.features.flatMap((feature) => {
    const other = now.features.find(({ name }) => name === feature.name);
    return other === undefined ? [] : [[feature, other] as const];
  });
  if (pairs.length < 3) return null;
  const [a, b] = [pairs.map(([{ value }]) => value), pairs.map(([, { value }]) => value)];
  const rankCorrelation = spearman(a, b);
  const noiseFloor = floorOf(
    a,
    pairs.map(([{ noiseHalfWidth }]) => noiseHalfWidth / z95),
    pairs.map(([, { noiseHalfWidth }]) => noiseHalfWidth / z95),
  );
  const k = Math.min(top, pairs.length);
  const [first, second] = [firstOf(a, k), firstOf(b, k)];
  return {
    from: before.round,
    to: now.round,
    compared: pairs.length,
    rankCorrelation,
    noiseFloor,
    topOverlap: first.filter((feature) => second.includes(feature)).length / k,
    top: k,
    verdict: rankCorrelation < noiseFloor ? 'changed' : 'unchanged',
  };
}

/** 5 % quantile of the rank correlation of two noisy copies of the same importances. */
function floorOf(values: readonly number[], before: readonly number[], now: readonly number[]): number {
  if (before.every((std) => std === 0) && now.every((std) => std === 0)) return 1;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const added = before.reduce((sum, std) => sum + std * std, 0) / before.length;
  const kept = spread > 0 ? Math.sqrt(Math.max(0, 1 - added / spread)) : 0;
  const truth = values.map((value) => mean + kept * (value - mean));
  const normal = normalDraws(createSeededRandom('importance-stability'));
  const noisy = (stds: readonly number[]) => truth.map((value, feature) => value + stds[feature]! * normal());
  const found = Array.from({ length: draws }, () => spearman(noisy(before), noisy(now))).sort((x, y) => x - y);
  return found[Math.floor(0.05 * draws)]!;
}

/** Correlation of ranks, ties having the mean of theirs; 1 where neither tells any feature from another, 0 where only one does. */
function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const mean = (a.length + 1) / 2;
  let [both, ofX, ofY] = [0, 0, 0];
  x.forEach((rank, index) => {
    both += (rank - mean) * (y[index]! - mean);
    ofX += (rank - mean) ** 2;
    ofY += (y[index]! - mean) ** 2;
  });
  if (ofX === 0 || ofY === 0) return ofX === ofY ? 1 : 0;
  return both / Math.sqrt(ofX * ofY);
}

function ranksOf(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const same = values.filter((other) => other === value).length;
    return below + (same + 1) / 2;
  });
}

/** Numbers of the k largest; of equal ones the first. */
function firstOf(values: readonly number[], k: number): readonly number[] {
  return values
    .map((_, index) => index)
    .sort((i, j) => values[j]! - values[i]! || i - j)
    .slice(0, k);
}
