import { z } from 'zod';
import { conditionalValues, type RowFunction } from '../../judging/index.ts';
import { shown, signedMeanFigure, type Shown } from '../../metrics/index.ts';
import { encodedNumber, exp, toProbabilities, type DifferentiableModel, type InputColumn } from '../../model/index.ts';
import type { QueryContext } from '../query.ts';
import { tokenProblems } from './explained-features.ts';
import type { Conclude, Measure, MeasureProblem, MeasureReport } from './measure.ts';

const asked = z.strictObject({
  name: z.string().min(1).max(120),
  /** Raw values of a number, or texts of a category; absent: a grid over the range, or every text. */
  values: z
    .array(z.union([z.number(), z.string()]))
    .min(1)
    .max(100)
    .optional(),
});

export const dependenceSettings = z.strictObject({
  kind: z.literal('dependence'),
  share: z.number().positive().max(1_000).default(1),
  columns: z.array(asked).min(1).max(20),
  /** Values of a number column that names none, evenly spaced over its range. */
  points: z.int().min(2).max(100).default(7),
  /** Text of the target whose probability is asked for; of a binary one the positive where absent. */
  of: z.string().optional(),
  /** Of a number target: what the scaled value is clipped to, either side. */
  valueMax: z.number().positive().max(1_000).default(4),
});
type Settings = z.infer<typeof dependenceSettings>;

/** How what the model says hangs on single columns. */
export type DependenceFigures = MeasureReport & {
  /** Text whose probability it is; null: the scaled value. */
  readonly of: string | null;
  readonly curves: readonly {
    readonly name: string;
    readonly kind: 'number' | 'category';
    /** In the order of the plan; raw values or texts. */
    readonly points: readonly { readonly value: number | string; readonly mean: Shown }[];
  }[];
};

/**
 * Partial dependence: the mean, over rows, of what the model says with a column set to a given value and all else as it is.
 *
 * What the vector of a row is: 1, and for each of G values 2p - 1 with the probability p, or the scaled value / valueMax clipped to ±1.
 *
 * Sensitivity: each is within ±1, so L2 ≤ √(1 + G). Probabilities are counted from one half, which halves their noise. What is no number makes
 * the unit's vector none, and the door counts it as zero.
 *
 * At unit = client these are means of the clients' means. A curve averages over rows that may be none: where two columns go together, values are
 * set that nobody has.
 *
 * @see Friedman 2001, "Greedy Function Approximation: A Gradient Boosting Machine", §8.2.
 */
export const dependence: Measure<Settings> = {
  kind: 'dependence',
  problems: (context, own) => [
    ...tokenProblems(context),
    ...own.columns.flatMap((column, index) => columnProblems(context, column, index)),
    ...own.columns.flatMap(({ name }, index) =>
      own.columns.findIndex((other) => other.name === name) < index
        ? [{ path: `columns[${index}].name`, problem: `column ${name} is asked for twice`, cure: 'Ask for it once.' }]
        : [],
    ),
    ...textProblems(context, own.of),
  ],
  layout: (context, own) => [
    { name: 'count', length: 1 },
    ...own.columns.map((column) => ({ name: curveOf(column.name), length: valuesOf(context, own, column).length })),
  ],
  normL2: (context, own) =>
    Math.sqrt(1 + own.columns.reduce((sum, column) => sum + valuesOf(context, own, column).length, 0)),
  contribute: async ({ context, batch, differentiable }, own, emit) => {
    const said = saidBy(await differentiable(), context, own);
    const inputs = Float64Array.from(batch.inputs);
    const curves = own.columns.map((column) => {
      const span = columnOf(context, column.name)!;
      const values = valuesOf(context, own, column).map((value) => encodedValue(span, value));
      return conditionalValues(said, inputs, batch.features, span, values);
    });
    const lengths = curves.map((values) => values.length / Math.max(1, batch.rows));
    const vector = new Float64Array(1 + lengths.reduce((sum, length) => sum + length, 0));
    for (let row = 0; row < batch.rows; row++) {
      vector[0] = 1;
      let at = 1;
      curves.forEach((values, index) => {
        for (let point = 0; point < lengths[index]!; point++) vector[at++] = values[point * batch.rows + row]!;
      });
      emit(row, vector);
    }
  },
};

export const concludeDependence: Conclude<Settings, DependenceFigures> = (context, own, sums) => {
  const count = sums.segment('count')[0]!;
  const [unit, origin] = context.target === 'number' ? [own.valueMax, 0] : [0.5, 0.5];
  const curves = own.columns.map((column) => {
    const values = valuesOf(context, own, column);
    const segment = sums.segment(curveOf(column.name));
    const kind = columnOf(context, column.name)!.kind === 'category' ? ('category' as const) : ('number' as const);
    return {
      name: column.name,
      kind,
      points: values.map((value, index) => ({
        value,
        mean: meanAt(context, segment[index]!, count, sums.noiseStd, unit, origin),
      })),
    };
  });
  return {
    units: count,
    figures: curves.flatMap(({ name, points }) =>
      points.map(({ value, mean }) => ({ name: `${name}[${value}]`, ...mean })),
    ),
    of: context.target === 'number' ? null : context.classes[explainedClass(context, own.of)]!,
    curves,
  };
};

function meanAt(
  { minimumUnits }: QueryContext,
  sum: number,
  count: number,
  noiseStd: number,
  unit: number,
  origin: number,
): Shown {
  if (count < minimumUnits) return { figure: null, withheld: `fewer than ${minimumUnits} units` };
  const mean = signedMeanFigure({ sum, count, max: 1, sumNoiseStd: noiseStd, countNoiseStd: noiseStd });
  const inUnit = mean && {
    value: origin + unit * mean.value,
    low: origin + unit * mean.low,
    high: origin + unit * mean.high,
    noiseHalfWidth: unit * mean.noiseHalfWidth,
  };
  return shown(inUnit, 2 * unit);
}

/** What is said of a row, within ±1; NaN, which makes a vector none, of what is no number. */
function saidBy(model: DifferentiableModel, context: QueryContext, own: Settings): RowFunction {
  const number = context.target === 'number';
  const output = context.target === 'classes' ? explainedClass(context, own.of) : 0;
  const negative = context.target === 'binary' && explainedClass(context, own.of) === 0;
  return (features, rows) => {
    const values = model.logits(features, rows);
    if (!number) toProbabilities(context.loss, values, model.outputs);
    return Float64Array.from({ length: rows }, (_, row) => {
      const value = values[row * model.outputs + output]!;
      if (number) return Math.max(-1, Math.min(1, value / own.valueMax));
      return negative ? 1 - 2 * value : 2 * value - 1;
    });
  };
}

/** Number of the text that is asked for; the checked plan has one. */
function explainedClass({ target, classes }: QueryContext, of: string | undefined): number {
  if (of === undefined) return target === 'binary' ? 1 : 0;
  return classes.indexOf(of);
}

function columnOf({ columns }: QueryContext, name: string): InputColumn | undefined {
  return columns.find((column) => column.name === name);
}

/** A column may be called as another segment is. */
function curveOf(name: string): string {
  return `curve/${name}`;
}

/** Raw values of a number or texts of a category at which a column is asked. */
function valuesOf(
  context: QueryContext,
  { points }: Settings,
  { name, values }: z.infer<typeof asked>,
): readonly (number | string)[] {
  if (values !== undefined) return values;
  const column = columnOf(context, name);
  return column === undefined ? [] : (column.values ?? gridOf(column, points));
}

/** Raw values evenly spaced between the ends of a number's range, as the model has it: an amount behind a logarithm by its logarithm. */
function gridOf({ low, high, scaling }: InputColumn, points: number): readonly number[] {
  const rawOf = (encoded: number): number => {
    const { transform, centre, scale } = scaling!;
    const transformed = encoded * scale + centre;
    return transform === 'log1p' ? exp(transformed) - 1 : transformed;
  };
  // The ends are known as encoded floats: what they are off is not meant.
  const nothing = 1e-7 * (rawOf(high) - rawOf(low));
  return Array.from({ length: points }, (_, point) => {
    const raw = rawOf(low + ((high - low) * point) / (points - 1));
    return Math.abs(raw) < nothing ? 0 : Number(raw.toPrecision(6));
  });
}

function encodedValue(column: InputColumn, value: number | string): Float64Array {
  if (column.values === null) return Float64Array.of(encodedNumber(column.scaling!, Number(value)));
  return Float64Array.from(column.values, (text) => Number(text === value));
}

function columnProblems(
  context: QueryContext,
  { name, values }: z.infer<typeof asked>,
  index: number,
): readonly MeasureProblem[] {
  const path = `columns[${index}]`;
  const column = columnOf(context, name);
  if (column === undefined) {
    return [
      { path: `${path}.name`, problem: `column ${name} is not in the schema`, cure: 'Name a column of the schema.' },
    ];
  }
  if (column.kind === 'pixels') {
    return [
      { path: `${path}.name`, problem: `column ${name} is a picture, which has no single value`, cure: 'Take it out.' },
    ];
  }
  if (values === undefined) return [];
  if (new Set(values).size < values.length) {
    return [{ path: `${path}.values`, problem: `column ${name}: a value is listed twice`, cure: 'List it once.' }];
  }
  const wrong = values.find((value) => !isValueOf(column, value));
  if (wrong === undefined) return [];
  const [problem, cure] =
    column.values === null
      ? [`column ${name}: ${wrong} is no number within its range`, 'Ask at values that a row may have.']
      : [`column ${name}: ${wrong} is not among its values`, 'Ask at texts of the list.'];
  return [{ path: `${path}.values`, problem, cure }];
}

function isValueOf(column: InputColumn, value: number | string): boolean {
  if (column.values !== null) return typeof value === 'string' && column.values.includes(value);
  if (typeof value !== 'number') return false;
  const encoded = encodedNumber(column.scaling!, value);
  return encoded >= column.low && encoded <= column.high;
}

function textProblems({ target, classes }: QueryContext, of: string | undefined): readonly MeasureProblem[] {
  if (target === 'number') {
    return of === undefined
      ? []
      : [{ path: 'of', problem: `the target is a number and has no text ${of}`, cure: 'Take it out.' }];
  }
  if (of === undefined) {
    return target === 'binary'
      ? []
      : [{ path: 'of', problem: 'no class is named', cure: `Name one of ${classes.slice(0, 10).join(', ')}.` }];
  }
  return classes.includes(of)
    ? []
    : [
        {
          path: 'of',
          problem: `the target has no text ${of}`,
          cure: `Name one of ${classes.slice(0, 10).join(', ')}.`,
        },
      ];
}
