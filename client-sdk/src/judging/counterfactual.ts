import { SottoError } from '@sotto/shared/errors';
import { predictedClass } from '@sotto/shared/metrics';
import type { FeatureSpan } from '@sotto/shared/model';
import type { Column, DataSchema } from '@sotto/shared/plan';
import { decodedValue, encodedNumber, featureSpans } from './features.ts';
import type { JudgedModel } from './judged-model.ts';
import { predictRows, type Prediction } from './predict.ts';
import { requireWidth } from '@sotto/shared/judging';

/** A change of a row that turns its prediction. */
export type Counterfactual = {
  readonly changes: readonly {
    readonly column: string;
    readonly from: number | string | null;
    readonly to: number | string | null;
  }[];
  /** Sum over the changed columns: a number's change as a share of its range (after its transform), 1 for a category. */
  readonly distance: number;
  /** What the model says of the changed row. */
  readonly prediction: Prediction;
  /** The changed row, encoded [inputs]. */
  readonly inputs: Float64Array;
};

export type CounterfactualOptions = {
  /** Text of the target to be reached; where not given, any other than the predicted one. */
  readonly wanted?: string;
  /** Columns that must stay as they are, for example an age. */
  readonly keep?: readonly string[];
  /** Most columns to change; 3 where not given. */
  readonly maxChanges?: number;
  /** Of a calibration: of the probabilities that are told; 1 where not given. */
  readonly temperature?: number;
};

/** Values of a number column that are tried, evenly over its range. */
const gridSteps = 24;
/** Rows of each number of changes that are changed further. */
const beamWidth = 8;
/** Rows that are judged at a time. */
const blockRows = 512;
/** Halvings between the row's value and one that turned the prediction. */
const halvings = 24;
/** Logits behind the boundary from which no rounding of the probabilities turns the prediction back. */
const beyond = 1e-9;

/** A changed row: which columns differ, and its encoded inputs. */
type Candidate = { readonly columns: readonly number[]; readonly inputs: Float64Array };

/**
 * A near change within the schema's ranges and categories that turns the prediction, or null where the search finds none.
 *
 * Fewest columns first, then the smallest distance. Every column is tried at every category or at 24 values over its range; of
 * the rows that turned, the nearest of each set of columns is refined: each number is halved towards the row's own value as long
 * as the prediction stays turned, then rounded to few digits where that keeps it. Where no change of one column turns the
 * prediction, the eight rows that came nearest are changed in a further column, and so on. With one column nothing nearer than a
 * grid step and the refinement is missed; with more, the search is greedy and a nearer one may exist.
 *
 * @param input - one encoded row, [inputs].
 * @see Wachter, Mittelstadt, Russell 2018, "Counterfactual Explanations Without Opening the Black Box", §III; Gower 1971 for the
 * distance; Mothilal, Sharma, Tan 2020 (DiCE), §3.2 for few columns first.
 * @throws {INVALID_INPUT} for a regression, a text that the target does not know or that is predicted already, or a column that
 * the schema does not know.
 */
export function findCounterfactual(
  judged: JudgedModel,
  input: Float64Array,
  { wanted, keep = [], maxChanges = 3, temperature = 1 }: CounterfactualOptions = {},
): Counterfactual | null {
  const { schema, model } = judged;
  requireWidth('row', input, model.inputs);
  const free = freeColumns(schema, keep);
  const margins = marginsOf(judged, input, wanted);
  const spans = featureSpans(schema);
  if (margins([input])[0]! > 0) {
    throw new SottoError('INVALID_INPUT', `wanted: the row is predicted as ${wanted ?? 'wanted'} as it is`);
  }
  const change = { schema, spans, input, margins };
  let beam: readonly Candidate[] = [{ columns: [], inputs: input }];
  for (let count = 1; count <= Math.min(maxChanges, free.length); count++) {
    const { turned, closest } = searchFurther(change, beam, free);
    if (turned.length > 0) {
      const refined = turned.map((candidate) => refine(change, candidate));
      const nearest = refined.reduce((best, next) =>
        distanceOf(change, next) < distanceOf(change, best) ? next : best,
      );
      return described(judged, change, nearest, temperature);
    }
    beam = closest;
  }
  return null;
}

type Change = {
  readonly schema: DataSchema;
  readonly spans: readonly FeatureSpan[];
  readonly input: Float64Array;
  readonly margins: (rows: readonly Float64Array[]) => Float64Array;
};

function freeColumns(schema: DataSchema, keep: readonly string[]): readonly number[] {
  const unknown = keep.filter((name) => !schema.columns.some((column) => column.name === name));
  if (unknown.length > 0) {
    throw new SottoError('INVALID_INPUT', `keep: the schema "${schema.name}" has no column ${unknown.join(', ')}`);
  }
  return schema.columns.flatMap(({ name }, index) => (keep.includes(name) ? [] : [index]));
}

/** How far each row is behind the boundary to what is wanted, in logits; above 0 where it is surely predicted. */
function marginsOf(
  { schema: { target }, model }: JudgedModel,
  input: Float64Array,
  wanted: string | undefined,
): Change['margins'] {
  if (target.kind === 'number') {
    throw new SottoError('INVALID_INPUT', 'counterfactual: a number has no class that could turn');
  }
  const texts = target.kind === 'binary' ? [target.negative, target.positive] : target.values;
  if (wanted !== undefined && !texts.includes(wanted)) {
    throw new SottoError('INVALID_INPUT', `wanted: expected one of ${texts.slice(0, 10).join(', ')}, got ${wanted}`);
  }
  const { outputs } = model;
  const logitsOf = (rows: readonly Float64Array[]): Float64Array => {
    const all = new Float64Array(rows.length * model.inputs);
    rows.forEach((row, i) => all.set(row, i * model.inputs));
    return model.logits(all, rows.length);
  };
  const first = logitsOf([input]);
  if (outputs === 1) {
    const towards = (wanted ?? (first[0]! > 0 ? texts[0] : texts[1])) === texts[1] ? 1 : -1;
    return (rows) => logitsOf(rows).map((logit) => towards * logit - beyond);
  }
  const predicted = predictedClass(first, 0, outputs);
  const isWanted = texts.map((text, output) => (wanted === undefined ? output !== predicted : text === wanted));
  return (rows) => {
    const logits = logitsOf(rows);
    return Float64Array.from(rows, (_, row) => {
      let [inside, outside] = [-Infinity, -Infinity];
      for (let output = 0; output < outputs; output++) {
        const logit = logits[row * outputs + output]!;
        if (isWanted[output]!) inside = Math.max(inside, logit);
        else outside = Math.max(outside, logit);
      }
      return inside - outside - beyond;
    });
  };
}

/**
 * Every change of one further column: of those that turned the prediction the nearest of each set of columns, and of the others
 * those that came closest to it. Rows are made and judged in blocks, so that memory does not grow with the number of columns.
 */
function searchFurther(
  change: Change,
  beam: readonly Candidate[],
  free: readonly number[],
): { readonly turned: readonly Candidate[]; readonly closest: readonly Candidate[] } {
  const nearest = new Map<string, { readonly candidate: Candidate; readonly distance: number }>();
  let closest: { readonly candidate: Candidate; readonly margin: number }[] = [];
  let block: Candidate[] = [];
  const judge = (): void => {
    const reached = change.margins(block.map(({ inputs }) => inputs));
    block.forEach((candidate, i) => {
      const margin = reached[i]!;
      if (margin > 0) {
        const set = [...candidate.columns].sort((a, b) => a - b).join(' ');
        const distance = distanceOf(change, candidate);
        if (distance < (nearest.get(set)?.distance ?? Infinity)) nearest.set(set, { candidate, distance });
      } else closest.push({ candidate, margin });
    });
    closest = closest.sort((a, b) => b.margin - a.margin).slice(0, beamWidth);
    block = [];
  };
  for (const candidate of furtherChanges(change, beam, free)) {
    block.push(candidate);
    if (block.length === blockRows) judge();
  }
  judge();
  return {
    turned: [...nearest.values()].map(({ candidate }) => candidate),
    closest: closest.map(({ candidate }) => candidate),
  };
}

function* furtherChanges(
  { schema, spans }: Change,
  beam: readonly Candidate[],
  free: readonly number[],
): Generator<Candidate> {
  for (const from of beam) {
    for (const index of free) {
      if (from.columns.includes(index)) continue;
      const { from: at, to } = spans[index]!;
      for (const values of valuesOf(schema.columns[index]!, from.inputs.subarray(at, to))) {
        const inputs = from.inputs.slice();
        inputs.set(values, at);
        yield { columns: [...from.columns, index], inputs };
      }
    }
  }
}

/** Every other value of a column, encoded; of a number those of an even grid over its range. An image is left as it is. */
function valuesOf(column: Column, current: Float64Array): readonly Float64Array[] {
  if (column.kind === 'category') {
    return column.values.flatMap((_, place) => {
      if (current[place] === 1) return [];
      const values = new Float64Array(column.values.length);
      values[place] = 1;
      return [values];
    });
  }
  if (column.kind === 'pixels') return [];
  const [low, high] = encodedRange(column);
  return Array.from({ length: gridSteps }, (_, step) =>
    Float64Array.of(Math.fround(low + (step / (gridSteps - 1)) * (high - low))),
  ).filter(([value]) => value !== current[0]);
}

function encodedRange(column: Extract<Column, { kind: 'number' }>): readonly [number, number] {
  return [encodedNumber(column, column.min), encodedNumber(column, column.max)];
}

function distanceOf({ schema, spans, input }: Change, { columns, inputs }: Candidate): number {
  return columns.reduce((sum, index) => {
    const column = schema.columns[index]!;
    if (column.kind !== 'number') return sum + 1;
    const [low, high] = encodedRange(column);
    const at = spans[index]!.from;
    return sum + (high > low ? Math.abs(inputs[at]! - input[at]!) / (high - low) : 1);
  }, 0);
}

/** The candidate with each number as near to the row's own, and as round, as the turned prediction allows. */
function refine({ schema, spans, input, margins }: Change, candidate: Candidate): Candidate {
  const inputs = candidate.inputs.slice();
  const stays = (at: number, value: number): boolean => {
    const before = inputs[at]!;
    inputs[at] = value;
    if (margins([inputs])[0]! > 0) return true;
    inputs[at] = before;
    return false;
  };
  for (const index of candidate.columns) {
    const column = schema.columns[index]!;
    if (column.kind !== 'number') continue;
    const at = spans[index]!.from;
    let [near, far] = [input[at]!, inputs[at]!];
    for (let i = 0; i < halvings; i++) {
      const middle = Math.fround((near + far) / 2);
      if (stays(at, middle)) far = middle;
      else near = middle;
    }
    const scaled = far * column.scale + column.centre;
    const raw = column.transform === 'log1p' ? Math.expm1(scaled) : scaled;
    // Rounded away from the row's own value, which is further behind the boundary; the range's end where nothing rounder fits.
    const outwards = far > input[at]! ? 1 : -1;
    const rounded = [3, 4, 5, 6].map((digits) => roundedTo(raw, digits, outwards));
    rounded.push(outwards === 1 ? column.max : column.min);
    rounded.some((value) => value >= column.min && value <= column.max && stays(at, encodedNumber(column, value)));
  }
  return { columns: candidate.columns, inputs };
}

/** The next number of that many digits, upwards or downwards. */
function roundedTo(value: number, digits: number, direction: 1 | -1): number {
  if (value === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - digits + 1);
  const steps = value / unit;
  return Number(((direction === 1 ? Math.ceil(steps) : Math.floor(steps)) * unit).toPrecision(digits));
}

function described(judged: JudgedModel, change: Change, nearest: Candidate, temperature: number): Counterfactual {
  const { schema, spans, input } = change;
  return {
    changes: nearest.columns.map((index) => {
      const column = schema.columns[index]!;
      const { from: at } = spans[index]!;
      return {
        column: column.name,
        from: decodedValue(column, input, at),
        to: decodedValue(column, nearest.inputs, at),
      };
    }),
    distance: distanceOf(change, nearest),
    prediction: predictRows(judged, nearest.inputs, temperature)[0]!,
    inputs: nearest.inputs,
  };
}
