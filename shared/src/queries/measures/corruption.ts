import { z } from 'zod';
import {
  amountInputs,
  inputRanges,
  logitClass,
  rowsOf,
  withBlur,
  withMissingColumns,
  withNoise,
  withShiftedScale,
} from '../../judging/index.ts';
import { proportionFigure, shown, type Shown } from '../../metrics/index.ts';
import type { InputColumn } from '../../model/index.ts';
import { toHex } from '../../vector/index.ts';
import type { Conclude, Measure, MeasureProblem, MeasureReport, NamedFigure } from './measure.ts';
import { rowBlocks } from './row-blocks.ts';

const severities = <Severity extends z.ZodType>(severity: Severity) => z.array(severity).max(8).default([]);

export const corruptionSettings = z.strictObject({
  kind: z.literal('corruption'),
  share: z.number().positive().max(1_000).default(1),
  /** Standard deviations of noise on numbers and pixels, in encoded inputs. */
  noise: severities(z.number().positive().max(1e3)),
  /** Pixels to each side of a box that blurs pictures. */
  blur: severities(z.int().min(1).max(64)),
  /** Chances of each number and category to be missing. */
  missing: severities(z.number().positive().max(1)),
  /** What numbers and pixels are multiplied by, in encoded inputs. */
  scale: severities(z.number().min(0).max(1e3)),
  /** What is added to numbers and pixels, in encoded inputs. */
  shift: severities(z.number().min(-1e3).max(1e3)),
  /** Chance of each row to be read, by a coin of its own. */
  sample: z.number().gt(0).max(1).default(1),
});
type Settings = z.infer<typeof corruptionSettings>;

const kinds = ['noise', 'blur', 'missing', 'scale', 'shift'] as const;
type Kind = (typeof kinds)[number];

/** Accuracy as inputs are, and corrupted. */
export type CorruptionFigures = MeasureReport & {
  readonly clean: Shown;
  readonly cases: readonly { readonly corruption: Kind; readonly severity: number; readonly accuracy: Shown }[];
};

/**
 * How the model holds against inputs as careless or different devices would give them: noise, blurred pictures, columns that were not
 * measured, another scale. Numbers and pixels stay within their public ranges.
 *
 * What the vector of a row is, for K cases: one 1 among [wrong, right] of the row as it is, and one in each case.
 *
 * Sensitivity: L2 √(1 + K), exactly. Chance is drawn of a secret seed, for each row anew: how the others' rows are drawn has one
 * distribution, whether a row is there or not. (Replacements are public constants, never values of other rows: soundness.md §4.)
 */
export const corruption: Measure<Settings> = {
  kind: 'corruption',
  problems: ({ target, topology, columns }, own) => {
    const cases = casesOf(own);
    const problems: MeasureProblem[] = [];
    const problem = (path: string, problem: string, cure: string): void => {
      problems.push({ path, problem, cure });
    };
    if (target === 'number') {
      problem('kind', 'a number target is never right or wrong', 'Take the measure out.');
    } else if (cases.length === 0) {
      problem(
        'kind',
        'no severity is given',
        `Give at least one of ${kinds.join(', ')}, for example "missing": [0.1].`,
      );
    }
    for (const kind of kinds) {
      if (own[kind].length === 0) continue;
      const lacking = lackingFor(kind, columns);
      if (lacking !== null) problem(kind, lacking, 'Take it out.');
      if (kind !== 'missing' && kind !== 'blur' && topology.layers.some((layer) => layer.kind === 'embedding')) {
        problem(kind, 'the model reads tokens, which are names and not amounts', 'Take it out.');
      }
      own[kind].forEach((severity, index) => {
        if (own[kind].indexOf(severity) < index)
          problem(`${kind}[${index}]`, `${severity} is listed twice`, 'List it once.');
      });
    }
    return problems;
  },
  layout: (_, own) => ['clean', ...casesOf(own).map(({ name }) => name)].map((name) => ({ name, length: 2 })),
  normL2: (_, own) => Math.sqrt(1 + casesOf(own).length),
  contribute: async (input, own, emit) => {
    const { context, batch, seed } = input;
    const model = await input.differentiable();
    const cases = casesOf(own);
    const vector = new Float64Array(2 * (1 + cases.length));
    for (const { rows, inputs, targets } of rowBlocks(batch, own.sample, seed)) {
      const given = [
        inputs,
        ...cases.map((one) => corrupted(context.columns, inputs, one, `${toHex(seed)}/${rows[0]}/${one.name}`)),
      ].map((values) => model.logits(values, rows.length));
      rows.forEach((row, index) => {
        vector.fill(0);
        given.forEach((logits, which) => {
          const predicted = logitClass(logits, index, model.outputs);
          vector[2 * which + Number(predicted === targets[index])] = predicted === null ? NaN : 1;
        });
        emit(row, vector);
      });
    }
  },
};

export const concludeCorruption: Conclude<Settings, CorruptionFigures> = (_, own, sums) => {
  const accuracyOf = (name: string): Shown => {
    const [incorrect = 0, correct = 0] = sums.segment(name);
    return shown(proportionFigure({ correct, incorrect, noiseStd: sums.noiseStd }));
  };
  const clean = accuracyOf('clean');
  const cases = casesOf(own).map(({ kind, severity, name }) => ({
    name,
    corruption: kind,
    severity,
    accuracy: accuracyOf(name),
  }));
  const [wrong = 0, right = 0] = sums.segment('clean');
  return {
    units: wrong + right,
    figures: [{ name: 'clean', ...clean }, ...cases.map(({ name, accuracy }): NamedFigure => ({ name, ...accuracy }))],
    clean,
    cases: cases.map(({ corruption: kind, severity, accuracy }) => ({ corruption: kind, severity, accuracy })),
  };
};

type Case = { readonly kind: Kind; readonly severity: number; readonly name: string };

function casesOf(own: Settings): readonly Case[] {
  return kinds.flatMap((kind) => own[kind].map((severity) => ({ kind, severity, name: `${kind}.${severity}` })));
}

function lackingFor(kind: Kind, columns: readonly InputColumn[]): string | null {
  switch (kind) {
    case 'blur':
      return columns.some((column) => column.kind === 'pixels') ? null : 'no column is a picture';
    case 'missing':
      return columns.some((column) => column.kind !== 'pixels')
        ? null
        : 'every column is a picture, which is never missing';
    case 'noise':
    case 'scale':
    case 'shift':
      return columns.some((column) => column.kind !== 'category') ? null : 'no column is a number or a picture';
  }
}

function corrupted(
  columns: readonly InputColumn[],
  inputs: Float64Array,
  { kind, severity }: Case,
  seed: string,
): Float64Array {
  const [ranges, places] = [inputRanges(columns), amountInputs(columns)];
  const width = ranges.length;
  switch (kind) {
    case 'noise':
      return withNoise(inputs, width, severity, places, seed, ranges);
    case 'blur':
      return withBlurredPictures(columns, inputs, width, severity);
    case 'missing':
      return withMissingColumns(columns, inputs, severity, seed);
    case 'scale':
      return withShiftedScale(inputs, width, { factor: severity, shift: 0 }, places, ranges);
    case 'shift':
      return withShiftedScale(inputs, width, { factor: 1, shift: severity }, places, ranges);
  }
}

/** Rows of which each picture is blurred; what stands beside it stays. */
function withBlurredPictures(
  columns: readonly InputColumn[],
  inputs: Float64Array,
  width: number,
  radius: number,
): Float64Array {
  const changed = inputs.slice();
  for (const { from, to, image } of columns) {
    if (image === null) continue;
    for (let row = 0; row < rowsOf(inputs, width); row++) {
      const picture = inputs.subarray(row * width + from, row * width + to);
      changed.set(withBlur(picture, image, radius), row * width + from);
    }
  }
  return changed;
}
