import { z } from 'zod';
import { noisyMoments, proportionFigure, shown, type Figure, type Shown } from '../../metrics/index.ts';
import { exp, type InputColumn } from '../../model/index.ts';
import type { QueryContext } from '../query.ts';
import { numberFigures } from './labels.ts';
import type { Conclude, Measure, MeasureProblem, MeasureReport, MeasureSums, NamedFigure } from './measure.ts';
import { binEdges, binIn, shownCells, shownCount, tooFew, tooFewWords, totalOf } from './noisy-counts.ts';

export const columnsSettings = z.strictObject({
  kind: z.literal('columns'),
  share: z.number().positive().max(1_000).default(1),
  /** Which; absent: every number and category of the schema. Fewer columns carry less noise, √ of their number. */
  columns: z.array(z.string().min(1).max(120)).min(1).max(2_000).optional(),
  /** Bins over a number's public range, of equal width in its scaled values. */
  bins: z.int().min(2).max(1_000).default(10),
  /** Sums of numbers and of their squares as well: mean and deviation are then free of what bins leave open. */
  sums: z.boolean().default(false),
});
type Settings = z.infer<typeof columnsSettings>;

/** What is known of one column. */
export type ColumnFigures = {
  readonly name: string;
  readonly kind: 'number' | 'category';
  /** Edges of a number's bins, raw; empty for a category. */
  readonly edges: readonly number[];
  /** Texts of a category; empty for a number. */
  readonly values: readonly string[];
  /** Noisy units by bin or value, null where there are too few. */
  readonly counts: readonly (number | null)[];
  /** Noisy units at the fill value, or at none of the category's values; null where too few, or where a row cannot be without the value. */
  readonly missing: number | null;
  /** Share of those; withheld where a row cannot be without the value. */
  readonly missingShare: Shown;
};

/** What is known of the inputs. */
export type ColumnsFigures = MeasureReport & {
  readonly columns: readonly ColumnFigures[];
  /** Deviation of the noise in each count. */
  readonly noiseStd: number;
};

/**
 * What the inputs look like: of each column, how often each value comes and how often none.
 *
 * What the vector of a row is: of each of the p columns one 1 among its cells: bins over a number's public range and one for "at the fill
 * value"; values of a category and one for "none of its values". A row hits exactly one cell a column.
 *
 * With `sums` a number that is not at its fill value adds h·u and h·u² as well, h = 1/2 and u its place in the range, from -1 to 1; not of a
 * column on a logarithm's scale, whose mean would be another one.
 *
 * Sensitivity: p one-hot vectors side by side, L2 √p (soundness.md §4), and √(p + m / 2) with the sums of m numbers; at unit = client means of
 * such vectors, within the same bound.
 *
 * A device encodes a missing number as the plan's fill value, and the model is given nothing else; so a value that was measured and equals the fill value is
 * counted as missing here. Choose a fill value that nobody measures.
 */
export const columns: Measure<Settings> = {
  kind: 'columns',
  problems: (context, { columns: names }) => {
    if (names === undefined) {
      return chosenColumns(context, undefined).length > 0
        ? []
        : [{ path: '', problem: 'the schema has pixels alone, which have no columns to count', cure: 'Leave it out.' }];
    }
    return names.flatMap((name, index): MeasureProblem[] => {
      const path = `columns[${index}]`;
      const column = context.columns.find((candidate) => candidate.name === name);
      if (column === undefined) {
        return [
          { path, problem: `there is no column ${name} among the inputs`, cure: 'Name a column of plan.schema.' },
        ];
      }
      if (column.kind === 'pixels') {
        return [{ path, problem: `column ${name} holds pixels, which are not counted`, cure: 'Leave it out.' }];
      }
      return names.indexOf(name) < index
        ? [{ path, problem: `column ${name} is listed twice`, cure: 'List it once.' }]
        : [];
    });
  },
  layout: (context, own) =>
    chosenColumns(context, own.columns).flatMap((column) => [
      { name: `cells/${column.name}`, length: cellsOf(column, own) },
      ...(isSummed(column, own) ? [{ name: `sums/${column.name}`, length: 2, weight: sumsWeight }] : []),
    ]),
  normL2: (context, own) => {
    const chosen = chosenColumns(context, own.columns);
    const summed = chosen.filter((column) => isSummed(column, own)).length;
    return Math.sqrt(chosen.length + 2 * sumsWeight ** 2 * summed);
  },
  contribute: async ({ context, batch }, own, emit) => {
    const chosen = chosenColumns(context, own.columns);
    const vector = new Float64Array(
      chosen.reduce((sum, column) => sum + cellsOf(column, own) + 2 * Number(isSummed(column, own)), 0),
    );
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      let at = 0;
      for (const column of chosen) {
        const cell = cellOf(column, own, batch.inputs, row * batch.features);
        vector[at + cell] = 1;
        at += cellsOf(column, own);
        if (!isSummed(column, own)) continue;
        if (cell < own.bins) {
          const place = placeInRange(column, batch.inputs[row * batch.features + column.from]!);
          vector[at] = place;
          vector[at + 1] = place * place;
        }
        at += 2;
      }
      emit(row, vector);
    }
  },
};

export const concludeColumns: Conclude<Settings, ColumnsFigures> = (context, own, sums) => {
  const chosen = chosenColumns(context, own.columns);
  const totals = chosen.map((column) => totalOf(sums.segment(`cells/${column.name}`)));
  // Each column counts every unit: their mean carries the least noise.
  const units = totals.reduce((sum, total) => sum + total, 0) / chosen.length;
  const cells = chosen.reduce((sum, column) => sum + cellsOf(column, own), 0);
  const told = context.unit === 'record' || units >= context.minimumUnits;
  const all: NamedFigure = told
    ? { name: 'units', ...shownCount(context, units, (sums.noiseStd * Math.sqrt(cells)) / chosen.length) }
    : { name: 'units', figure: null, withheld: `fewer than ${context.minimumUnits} clients, noise included` };
  const concluded = told ? chosen.map((column) => concludeColumn(context, column, own, sums)) : [];
  return {
    units,
    figures: [all, ...concluded.flatMap(({ figures }) => figures)],
    columns: concluded.map(({ column }) => column),
    noiseStd: sums.noiseStd,
  };
};

function chosenColumns(context: QueryContext, names: readonly string[] | undefined): readonly InputColumn[] {
  return context.columns.filter(({ name, kind }) => kind !== 'pixels' && (names === undefined || names.includes(name)));
}

/** Whether rows may be without the value and still take part. */
function mayMiss({ kind, fill }: InputColumn): boolean {
  return kind === 'category' || fill !== null;
}

function binsOf({ values }: InputColumn, { bins }: Settings): number {
  return values?.length ?? bins;
}

function cellsOf(column: InputColumn, own: Settings): number {
  return binsOf(column, own) + Number(mayMiss(column));
}

/** The one cell of a row, the missing one last; NaN is no place, the vector stays without a 1 and within its bound. */
function cellOf(column: InputColumn, own: Settings, inputs: Float32Array, row: number): number {
  const { from, to, low, high, fill } = column;
  if (column.kind === 'category') {
    for (let place = from; place < to; place++) if (inputs[row + place] === 1) return place - from;
    return to - from;
  }
  const value = inputs[row + from]!;
  if (fill !== null && Math.abs(value - fill) <= fillTolerance * Math.max(1, Math.abs(fill))) return own.bins;
  return binIn(value, low, high, own.bins);
}

/** Devices encode with their engine's logarithm, whose last bits are its own: a few units in the last place of a float32. */
const fillTolerance = 2 ** -21;

function concludeColumn(
  context: QueryContext,
  column: InputColumn,
  own: Settings,
  sums: MeasureSums,
): { readonly column: ColumnFigures; readonly figures: readonly NamedFigure[] } {
  const { name, values } = column;
  const bins = binsOf(column, own);
  const cells = sums.segment(`cells/${name}`);
  const [counts, missing] = [cells.slice(0, bins), mayMiss(column) ? cells[bins]! : null];
  const missingShare: Shown =
    missing === null
      ? { figure: null, withheld: 'a row without the value is left out' }
      : tooFew(context, missing)
        ? { figure: null, withheld: tooFewWords(context) }
        : shown(
            proportionFigure({
              correct: missing,
              incorrect: totalOf(counts),
              noiseStd: sums.noiseStd,
              incorrectNoiseStd: sums.noiseStd * Math.sqrt(bins),
            }),
          );
  const edges = values === null ? rawEdges(column, own.bins) : [];
  return {
    column: {
      name,
      kind: values === null ? 'number' : 'category',
      edges,
      values: values ?? [],
      counts: shownCells(context, counts),
      missing: missing === null ? null : shownCells(context, [missing])[0]!,
      missingShare,
    },
    figures: [
      ...(missing === null ? [] : [{ name: `${name}.missing`, ...missingShare }]),
      ...(values === null ? momentFigures(context, column, counts, edges, own, sums) : []),
    ],
  };
}

/** Mean and deviation of a number, by its sums or its bins; of too few values none. */
function momentFigures(
  context: QueryContext,
  column: InputColumn,
  counts: Float64Array,
  edges: readonly number[],
  own: Settings,
  sums: MeasureSums,
): readonly NamedFigure[] {
  const count = totalOf(counts);
  if (tooFew(context, count)) {
    const withheld = tooFewWords(context);
    return ['mean', 'deviation'].map((name) => ({ name: `${column.name}.${name}`, figure: null, withheld }));
  }
  return isSummed(column, own)
    ? summedFigures(column, count, own.bins, sums)
    : numberFigures(counts, sums.noiseStd, edges, `${column.name}.`);
}

/** What sums weigh beside the cells. */
const sumsWeight = 0.5;

function isSummed({ kind, scaling }: InputColumn, { sums }: Settings): boolean {
  return sums && kind === 'number' && scaling?.transform === 'identity';
}

/** Where a value lies within its range, -1 to 1. */
function placeInRange({ low, high }: InputColumn, value: number): number {
  return Math.min(1, Math.max(-1, (2 * (value - low)) / (high - low) - 1));
}

/** Mean and deviation by the sums, as the column's table has them. */
function summedFigures(column: InputColumn, count: number, bins: number, sums: MeasureSums): readonly NamedFigure[] {
  const [sum, squares] = sums.segment(`sums/${column.name}`) as unknown as [number, number];
  const sumNoiseStd = sums.noiseStdOf(`sums/${column.name}`);
  const found = noisyMoments({ count, sum, squares, countNoiseStd: sums.noiseStd * Math.sqrt(bins), sumNoiseStd });
  const half = ((column.high - column.low) * (column.scaling?.scale ?? 1)) / 2;
  const middle = ((column.high + column.low) / 2) * (column.scaling?.scale ?? 1) + (column.scaling?.centre ?? 0);
  const scaled = (figure: Figure | undefined, from: number): Figure | null =>
    figure === undefined
      ? null
      : {
          value: from + half * figure.value,
          low: from + half * figure.low,
          high: from + half * figure.high,
          noiseHalfWidth: half * figure.noiseHalfWidth,
        };
  return [
    { name: `${column.name}.mean`, ...shown(scaled(found?.mean, middle), 2 * half) },
    { name: `${column.name}.deviation`, ...shown(scaled(found?.deviation, 0), half) },
  ];
}

/** Edges of a number's bins as its table has them. */
function rawEdges({ low, high, scaling }: InputColumn, bins: number): readonly number[] {
  return binEdges(low, high, bins).map((edge) => {
    if (scaling === null) return edge;
    const transformed = edge * scaling.scale + scaling.centre;
    return scaling.transform === 'log1p' ? exp(transformed) - 1 : transformed;
  });
}
