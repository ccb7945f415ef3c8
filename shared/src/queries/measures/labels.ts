import { z } from 'zod';
import { SottoError } from '../../errors/index.ts';
import {
  binnedMoments,
  deltaFigure,
  noisySkew,
  proportionFigure,
  shown,
  z95,
  type BinnedMoments,
  type Figure,
  type Shown,
} from '../../metrics/index.ts';
import type { QueryContext } from '../query.ts';
import type { Conclude, Measure, MeasureReport, NamedFigure } from './measure.ts';
import { binEdges, binIn, shownCells, shownCount, tooFew, tooFewWords, totalOf } from './noisy-counts.ts';
import { classCountOf } from './performance.ts';

export const labelsSettings = z.strictObject({
  kind: z.literal('labels'),
  share: z.number().positive().max(1_000).default(1),
  /** Bins over the range of a number; classes have one each. */
  bins: z.int().min(2).max(1_000).default(10),
  /** Whether each client's labels are counted by themselves. Absent: at unit = record, where that comes to 10,000 counts or fewer. */
  byClient: z.boolean().optional(),
});
type Settings = z.infer<typeof labelsSettings>;

/** What is known of one client's labels. */
export type ClientLabels = {
  /** Place in the plan's roster. */
  readonly client: number;
  readonly units: Shown;
  /** Noisy units by class or bin, null in a cell with too few; none where the client has too few. */
  readonly counts: readonly (number | null)[];
  /** Jensen–Shannon divergence from all clients' labels, in nats, and what sampling and noise alone would show. */
  readonly jensenShannon: Shown;
  readonly floor: number | null;
  /** The same for the largest of all clients. */
  readonly floorAmong: number | null;
};

/** What is known of the labels. */
export type LabelFigures = MeasureReport & {
  /** Texts of the classes; empty for a number. */
  readonly classes: readonly string[];
  /** Edges of the bins of a number, raw; empty for classes. */
  readonly edges: readonly number[];
  /** Noisy units by class or bin, null where there are too few. */
  readonly counts: readonly (number | null)[];
  /** Deviation of the noise in each of them. */
  readonly noiseStd: number;
  /** In the order of the roster; empty where clients are not counted by themselves. */
  readonly clients: readonly ClientLabels[];
};

/** Counts that clients by themselves come to at most where the plan does not ask. */
const countsByDefault = 10_000;

/**
 * What there is to learn from: units by class (of a number: by bin over its public range), of each client by itself where the unit is a record.
 *
 * What the vector of a row is: one 1 among [clients × classes], at the own client's place and the row's class. At unit = client, or without
 * `byClient`, one 1 among [classes].
 *
 * Sensitivity: one-hot, so L2 1 whatever the number of clients: a segment a client in one vector (soundness.md §4). At unit = client
 * a client's vector is the mean of its units', which lies in the simplex, L2 ≤ 1; counts are then sums of clients' shares.
 * A client adds to its own segment alone, so a total over n clients carries √n times the noise of one count.
 */
export const labels: Measure<Settings> = {
  kind: 'labels',
  problems: (context, { byClient }) => {
    if (byClient !== true) return [];
    if (context.unit === 'client') {
      return [
        {
          path: 'byClient',
          problem: 'at unit client a client’s own labels are what is to be hidden, and its noise would drown them',
          cure: 'Take it out, or use unit record.',
        },
      ];
    }
    return [];
  },
  layout: (context, own) => [{ name: 'labels', length: segmentsOf(context, own) * cellsOf(context, own) }],
  normL2: () => 1,
  contribute: async ({ context, batch }, own, emit) => {
    const cells = cellsOf(context, own);
    const segments = segmentsOf(context, own);
    const vector = new Float64Array(segments * cells);
    if (segments > 1 && context.clientIndex === null) {
      throw new SottoError('INTERNAL', 'labels: counted by client, on a device that is none of the roster');
    }
    const from = segments === 1 ? 0 : (context.clientIndex ?? 0) * cells;
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      vector[from + cellOf(context, own, batch.targets[row]!)] = 1;
      emit(row, vector);
    }
  },
};

export const concludeLabels: Conclude<Settings, LabelFigures> = (context, own, sums) => {
  const cells = cellsOf(context, own);
  const segments = segmentsOf(context, own);
  const counted = sums.segment('labels');
  const of = (segment: number): Float64Array => counted.subarray(segment * cells, (segment + 1) * cells);
  const counts = new Float64Array(cells);
  for (let i = 0; i < counted.length; i++) counts[i % cells]! += counted[i]!;
  const noiseStd = sums.noiseStd * Math.sqrt(segments);
  const clients =
    segments === 1
      ? []
      : Array.from({ length: segments }, (_, client) =>
          clientLabels(context, client, of(client), counts, sums.noiseStd),
        );
  const { targetRange } = context;
  const edges = targetRange === null ? [] : binEdges(targetRange.min, targetRange.max, own.bins);
  const units = totalOf(counts);
  const told = context.unit === 'record' || units >= context.minimumUnits;
  return {
    units,
    figures: told
      ? [...unitFigures(context, counts, noiseStd, edges), ...skewFigures(context, clients)]
      : [{ name: 'units', figure: null, withheld: `fewer than ${context.minimumUnits} clients, noise included` }],
    classes: context.classes,
    edges,
    counts: told ? shownCells(context, counts) : [],
    noiseStd,
    clients,
  };
};

function cellsOf(context: QueryContext, { bins }: Settings): number {
  return context.target === 'number' ? bins : classCountOf(context);
}

function segmentsOf(context: QueryContext, own: Settings): number {
  if (context.unit === 'client') return 1;
  return (own.byClient ?? context.clients * cellsOf(context, own) <= countsByDefault) ? context.clients : 1;
}

/** Class or bin of a row's target; NaN is none, and the door counts the unit as zero. */
function cellOf({ targetRange }: QueryContext, { bins }: Settings, target: number): number {
  if (targetRange === null) return target;
  const { min, max, centre, scale } = targetRange;
  return binIn(target * scale + centre, min, max, bins);
}

function clientLabels(
  context: QueryContext,
  client: number,
  own: Float64Array,
  all: Float64Array,
  noiseStd: number,
): ClientLabels {
  const total = totalOf(own);
  const units = shownCount(context, total, noiseStd * Math.sqrt(own.length));
  if (tooFew(context, total)) {
    const silence = { figure: null, withheld: tooFewWords(context) };
    return { client, units, counts: [], jensenShannon: silence, floor: null, floorAmong: null };
  }
  const others = all.map((count, i) => count - own[i]!);
  const std = { own: noiseStd, others: noiseStd * Math.sqrt(Math.max(1, context.clients - 1)) };
  const skew = noisySkew(own, others, std, context.clients);
  return {
    client,
    units,
    counts: shownCells(context, own),
    jensenShannon: shown(skew?.jensenShannon ?? null, Math.LN2),
    floor: skew?.floor ?? null,
    floorAmong: skew?.floorAmong ?? null,
  };
}

function unitFigures(
  context: QueryContext,
  counts: Float64Array,
  noiseStd: number,
  edges: readonly number[],
): readonly NamedFigure[] {
  const units = totalOf(counts);
  const all: NamedFigure = { name: 'units', ...shownCount(context, units, noiseStd * Math.sqrt(counts.length)) };
  if (context.target === 'number') return [all, ...numberFigures(counts, noiseStd, edges)];
  const smallest = counts.indexOf(Math.min(...counts));
  const rest = units - counts[smallest]!;
  const share = proportionFigure({
    correct: counts[smallest]!,
    incorrect: rest,
    noiseStd,
    incorrectNoiseStd: noiseStd * Math.sqrt(counts.length - 1),
  });
  // The share of a class with too few units would give away how many there are.
  const withheld = tooFew(context, counts[smallest]!) ? tooFewWords(context) : null;
  return [
    all,
    { name: 'smallestClass', ...shownCount(context, counts[smallest]!, noiseStd) },
    { name: 'smallestClassShare', ...(withheld === null ? shown(share) : { figure: null, withheld }) },
    { name: 'effectiveClasses', ...shown(effectiveClasses(counts, noiseStd), counts.length - 1) },
  ];
}

/**
 * How many equally frequent classes would be as hard to guess: e to the entropy of the classes' shares, from 1 to their number.
 * @see Hill 1973, "Diversity and Evenness", order 1.
 */
function effectiveClasses(counts: Float64Array, noiseStd: number): Figure | null {
  return deltaFigure(
    counts,
    noiseStd,
    (cells) => {
      const kept = cells.map((count) => Math.max(0, count));
      const total = totalOf(kept);
      return Math.exp(
        kept.reduce((sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum), 0),
      );
    },
    { low: 1, high: counts.length },
  );
}

/** Mean and deviation of a number, from its bins. */
export function numberFigures(
  counts: Float64Array,
  noiseStd: number,
  edges: readonly number[],
  prefix = '',
): readonly NamedFigure[] {
  const binned = binnedMoments(counts, edges);
  const told = totalOf(counts) > z95 * noiseStd * Math.sqrt(counts.length);
  const [low, high] = [edges[0]!, edges.at(-1)!];
  const of = (
    pick: (moments: BinnedMoments) => number,
    binning: number,
    range: { low: number; high: number },
  ): Shown => {
    const figure = told
      ? deltaFigure(
          counts,
          noiseStd,
          (cells) => {
            const moments = binnedMoments(cells, edges);
            return moments === null ? NaN : pick(moments);
          },
          range,
        )
      : null;
    return shown(figure === null ? null : widened(figure, binning, range), range.high - range.low);
  };
  return [
    { name: `${prefix}mean`, ...of(({ mean }) => mean, binned?.meanBinning ?? 0, { low, high }) },
    {
      name: `${prefix}deviation`,
      ...of(({ deviation }) => deviation, binned?.deviationBinning ?? 0, { low: 0, high: (high - low) / 2 }),
    },
  ];
}

/** An interval that holds what binning may do as well. */
function widened(figure: Figure, binning: number, range: { readonly low: number; readonly high: number }): Figure {
  return {
    ...figure,
    low: Math.max(range.low, figure.low - binning),
    high: Math.min(range.high, figure.high + binning),
  };
}

/**
 * The most skewed client's divergence, and the mean over clients that are told, each by its units. The mean's floor is that of the clients' own,
 * which is above its own: to the careful side.
 */
function skewFigures(context: QueryContext, clients: readonly ClientLabels[]): readonly NamedFigure[] {
  if (clients.length < 2) return [];
  const told = clients.flatMap(({ units, jensenShannon, floor, floorAmong }) =>
    units.figure !== null && jensenShannon.figure !== null && floor !== null && floorAmong !== null
      ? [{ units: units.figure.value, skew: jensenShannon.figure, floor, floorAmong }]
      : [],
  );
  const names = ['skew', 'largestSkew'] as const;
  if (told.length < 2) {
    const withheld = `fewer than two clients are told: ${tooFewWords(context)}, or too much noise`;
    return names.map((name) => ({ name, figure: null, withheld }));
  }
  const total = told.reduce((sum, { units }) => sum + units, 0);
  const mean = (pick: (one: (typeof told)[number]) => number): number =>
    told.reduce((sum, one) => sum + (one.units / total) * pick(one), 0);
  const side = (pick: (one: (typeof told)[number]) => number): number =>
    Math.hypot(...told.map((one) => (one.units / total) * pick(one)));
  const value = mean(({ skew }) => skew.value);
  const most = told.reduce((largest, one) => (one.skew.value > largest.skew.value ? one : largest));
  return [
    {
      name: 'skew',
      floor: mean(({ floor }) => floor),
      figure: {
        value,
        low: Math.max(0, value - side(({ skew }) => skew.value - skew.low)),
        high: Math.min(Math.LN2, value + side(({ skew }) => skew.high - skew.value)),
        noiseHalfWidth: side(({ skew }) => skew.noiseHalfWidth),
      },
      withheld: null,
    },
    {
      name: 'largestSkew',
      floor: Math.max(...told.map(({ floorAmong }) => floorAmong)),
      figure: most.skew,
      withheld: null,
    },
  ];
}
