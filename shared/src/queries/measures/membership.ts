import { z } from 'zod';
import {
  attackBound,
  differenceOfFigures,
  histogramAuroc,
  normalQuantile,
  proportionFigure,
  shown,
  z95,
  type Figure,
  type Shown,
} from '../../metrics/index.ts';
import { exp, log } from '../../model/index.ts';
import { rowLoss } from '../evaluation.ts';
import type { Conclude, Measure, MeasureReport, NamedFigure } from './measure.ts';

export const membershipSettings = z.strictObject({
  kind: z.literal('membership'),
  share: z.number().positive().max(1_000).default(1),
  /** Bins of the losses' histogram: in the tens or fewer beside noise. */
  bins: z.int().min(3).max(1_000).default(12),
  /** The first bin ends at lossMin and the last begins at lossMax; between them bins are equally wide in the loss's logarithm. */
  lossMin: z.number().positive().max(1).default(0.001),
  lossMax: z.number().gt(1).max(1_000).default(4),
});
type Settings = z.infer<typeof membershipSettings>;

/** A noisy histogram of rows' losses. */
export type LossHistogram = MeasureReport & {
  /** Noisy counts, in order of the loss. */
  readonly histogram: readonly number[];
  /** Upper ends of all bins but the last. */
  readonly edges: readonly number[];
  /** Standard deviation of the noise in each count. */
  readonly noiseStd: number;
};

/**
 * How sure the model is of each row: a histogram of its losses. Asked of the units that trained (`report.train`) and of others
 * (`report`), both histograms together say what an attack by the loss would tell of who trained ({@link membershipOfReleases}); one
 * alone says nothing about that.
 *
 * What the vector of a row is: one 1 in [bins], at the bin of its cross-entropy or squared error. Sensitivity: L2 of a one-hot vector is 1. A loss that is no
 * number makes the unit's vector none.
 */
export const membership: Measure<Settings> = {
  kind: 'membership',
  problems: () => [],
  layout: (_, { bins }) => [{ name: 'losses', length: bins }],
  normL2: () => 1,
  contribute: async ({ context, batch, outputs }, own, emit) => {
    const edges = edgesOf(own);
    const vector = new Float64Array(own.bins);
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      const loss = rowLoss(context, outputs, row, batch.targets[row]!);
      if (Number.isNaN(loss)) vector[0] = NaN;
      else vector[binOf(edges, loss)] = 1;
      emit(row, vector);
    }
  },
};

export const concludeMembership: Conclude<Settings, LossHistogram> = (_, own, { sums, noiseStd }) => ({
  units: sums.reduce((total, count) => total + count, 0),
  figures: [],
  histogram: [...sums],
  edges: edgesOf(own),
  noiseStd,
});

/** What both histograms say about membership. */
export type MembershipReport = MeasureReport & {
  /** What the promise leaves any attack on one row: the figures must not lie above it, whatever the attack. Null without a promise. */
  readonly bound: {
    readonly epsilon: number;
    readonly delta: number;
    readonly advantage: number;
    readonly tprAtFpr10: number;
    readonly tprAtFpr1: number;
  } | null;
  /** The attack's curve by rising threshold: of the others and of the members, noisy shares at most the loss. */
  readonly curve: readonly { readonly loss: number; readonly fpr: number; readonly tpr: number }[];
};

/**
 * The attack by a threshold on the loss, from releases on members and on others. Both are released already, so it costs nothing.
 *
 * - `auc`: chance that a member's loss lies below another row's, with the noise of both and what the bins hide;
 * - `advantage`: the largest TPR - FPR over the bins' edges. The interval is that of the chosen edge; `floor` is what noise and sampling show
 *   where nothing is to be told, with Bonferroni's correction over the edges: an advantage below it tells nothing;
 * - `tprAtFpr10`, `tprAtFpr1`: the TPR at the last edge whose FPR is at most 10 % and 1 %.
 *
 * Others must be units of the same kind as the members; the gap of clients that are apart counts as membership else. An attack
 * that fails shows no safety: better ones exist, and the bound holds for all of them.
 *
 * @param promise - ε and δ for a unit that trains; null with privacy none.
 * @see Yeom et al. 2018; `attackBound` for the bound.
 */
export function membershipOfReleases(
  members: LossHistogram,
  others: LossHistogram,
  promise: { readonly epsilon: number; readonly delta: number } | null,
): MembershipReport {
  const edges = members.edges.map((loss, edge) => {
    const [tpr, fpr] = [shareBelow(members, edge), shareBelow(others, edge)];
    return { loss, tpr, fpr };
  });
  const curve = edges.flatMap(({ loss, tpr, fpr }) => {
    return tpr === null || fpr === null ? [] : [{ loss, tpr: tpr.value, fpr: fpr.value }];
  });
  const gaps = edges.flatMap(({ tpr, fpr }) => (tpr === null || fpr === null ? [] : [differenceOfFigures(tpr, fpr)]));
  const advantage = gaps.reduce<Figure | null>(
    (most, gap) => (most === null || gap.value > most.value ? gap : most),
    null,
  );
  const tprAt = (most: number): Shown => {
    if (curve.length === 0) return shown(null);
    const under = edges.filter(({ fpr }) => fpr !== null && fpr.value <= most).at(-1)?.tpr;
    return shown(under ?? null, 1, `no edge of the bins has an FPR of at most ${100 * most} %`);
  };
  const bound = promise === null ? null : attackBound(promise.epsilon, promise.delta);
  return {
    units: members.units + others.units,
    figures: [
      { name: 'auc', ...shown(aucOfHistograms(members, others)) },
      { name: 'advantage', floor: advantageFloor(members, others), ...shown(advantage) },
      { name: 'tprAtFpr10', ...tprAt(0.1) },
      { name: 'tprAtFpr1', ...tprAt(0.01) },
    ] satisfies NamedFigure[],
    bound: bound && {
      epsilon: bound.epsilon,
      delta: bound.delta,
      advantage: bound.advantage,
      tprAtFpr10: bound.tprAt(0.1),
      tprAtFpr1: bound.tprAt(0.01),
    },
    curve,
  };
}

/** The lower the loss the rather a member: bins count from the other end. */
function aucOfHistograms(members: LossHistogram, others: LossHistogram): Figure | null {
  const figure = histogramAuroc(
    { positives: members.histogram.toReversed(), negatives: others.histogram.toReversed() },
    { positives: members.noiseStd, negatives: others.noiseStd },
  );
  if (figure === null) return null;
  const { value, low, high, noiseHalfWidth } = figure;
  return { value, low, high, noiseHalfWidth };
}

/** Share of rows with a loss up to an edge; null where rows are not told apart from none. */
function shareBelow({ histogram, noiseStd }: LossHistogram, edge: number): Figure | null {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  return proportionFigure({
    correct: sum(histogram.slice(0, edge + 1)),
    incorrect: sum(histogram.slice(edge + 1)),
    noiseStd: noiseStd * Math.sqrt(edge + 1),
    incorrectNoiseStd: noiseStd * Math.sqrt(histogram.length - edge - 1),
  });
}

/** Noise and sampling of TPR - FPR at an edge, of equal halves, where both are drawn alike: passed at any edge in 5 of 100 releases. */
function advantageFloor(members: LossHistogram, others: LossHistogram): number {
  const quantile = normalQuantile(1 - 0.05 / members.edges.length);
  const variance = ({ units, noiseStd, histogram }: LossHistogram): number =>
    units <= z95 * noiseStd * Math.sqrt(histogram.length)
      ? Infinity
      : (units / 4 + (noiseStd ** 2 * histogram.length) / 4) / units ** 2;
  return Math.min(1, quantile * Math.sqrt(variance(members) + variance(others)));
}

/** Upper ends of all bins but the last, ascending. */
function edgesOf({ bins, lossMin, lossMax }: Settings): readonly number[] {
  const step = log(lossMax / lossMin) / (bins - 2);
  return Array.from({ length: bins - 1 }, (_, edge) => lossMin * exp(step * edge));
}

/** The first bin whose upper end lies above the loss. */
function binOf(edges: readonly number[], loss: number): number {
  const bin = edges.findIndex((edge) => loss < edge);
  return bin < 0 ? edges.length : bin;
}
