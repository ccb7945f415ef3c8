import { z } from 'zod';
import {
  amountInputs,
  epsilonFault,
  fastGradient,
  inputRanges,
  logitClass,
  perturbationFault,
  pgdStepSize,
  projectedGradient,
  type AttackLimits,
} from '../../judging/index.ts';
import { proportionFigure, shown, type Shown } from '../../metrics/index.ts';
import type { DifferentiableModel } from '../../model/index.ts';
import type { QueryContext } from '../query.ts';
import type { Conclude, Measure, MeasureProblem, MeasureReport } from './measure.ts';
import { rowBlocks, type RowBlock } from './row-blocks.ts';

const attack = z.discriminatedUnion('kind', [
  /** One step of the whole size: the sign of the gradient, or with `l2` its direction. */
  z.strictObject({ kind: z.literal('fgsm') }),
  /** Projected steps from the row itself. */
  z.strictObject({
    kind: z.literal('pgd'),
    steps: z.int().min(1).max(200).default(10),
    /** By default 2.5 ε / steps, so that every place of the ball can be reached. */
    stepSize: z.number().positive().max(1e6).optional(),
  }),
]);
type Attack = z.infer<typeof attack>;

export const robustnessSettings = z.strictObject({
  kind: z.literal('robustness'),
  share: z.number().positive().max(1_000).default(1),
  /** By what a perturbation is measured: its largest change of an input, or its length. */
  norm: z.enum(['linf', 'l2']).default('linf'),
  /** Sizes, in encoded inputs. */
  epsilons: z.array(z.number().positive().max(1e6)).min(1).max(16),
  attacks: z
    .array(attack)
    .min(1)
    .max(2)
    .default([{ kind: 'fgsm' }, { kind: 'pgd', steps: 10 }]),
  /** Chance of each row to be attacked, by a coin of its own. */
  sample: z.number().gt(0).max(1).default(1),
});
type Settings = z.infer<typeof robustnessSettings>;

/** Accuracy against the size of perturbations. */
export type RobustnessFigures = MeasureReport & {
  readonly norm: Settings['norm'];
  /** Rising. */
  readonly epsilons: readonly number[];
  readonly clean: Shown;
  /** Under each attack, and under the worst of them; a point for each ε. */
  readonly curves: readonly { readonly attack: Attack['kind'] | 'worst'; readonly points: readonly Shown[] }[];
};

/**
 * How the model holds against inputs that were changed a little so that it errs. Numbers and pixels are moved within their public ranges;
 * categories stay.
 *
 * What the vector of a row is, for E sizes in rising order: one 1 among E + 2 cells: wrong as it is; broken first at ε₁ … ε_E by one of
 * the attacks; never broken. With several attacks also, for a row that is right as it is, one 1 an attack among E + 1 cells: broken
 * first at ε₁ … ε_E by this attack; never. A row that is broken at a size counts as broken at all larger ones, whose balls hold the
 * smaller: that is what robust means, it makes curves fall, and only rows that still hold are attacked further.
 *
 * Sensitivity: one 1 in each of 1 + A one-hot segments of A attacks, and of one attack a single segment: L2 ≤ √(1 + A), or 1, however
 * many sizes there are. (Indicators for each attack and size, right or wrong, would need √(2 + (1 + A) E).) A row is attacked by itself, from
 * itself and the published weights, so that the others are nothing to it.
 */
export const robustness: Measure<Settings> = {
  kind: 'robustness',
  problems: (context, own) => problemsOf(context, own),
  layout: (_, own) => {
    const sizes = own.epsilons.length;
    return [
      { name: 'worst', length: sizes + 2 },
      ...(own.attacks.length === 1 ? [] : own.attacks.map(({ kind }) => ({ name: kind, length: sizes + 1 }))),
    ];
  },
  normL2: (_, { attacks }) => (attacks.length === 1 ? 1 : Math.sqrt(1 + attacks.length)),
  contribute: async (input, own, emit) => {
    const { context, batch, seed } = input;
    const model = await input.differentiable();
    const epsilons = rising(own);
    const cells = epsilons.length + 2;
    const several = own.attacks.length > 1;
    const vector = new Float64Array(cells + (several ? own.attacks.length * (cells - 1) : 0));
    for (const block of rowBlocks(batch, own.sample, seed)) {
      const clean = classesOf(model, block.inputs, block.rows.length);
      const held = block.rows.map((_, index) => index).filter((index) => clean[index] === block.targets[index]);
      const broken = own.attacks.map((one) => firstBroken(model, context, own.norm, epsilons, one, block, held));
      block.rows.forEach((row, index) => {
        vector.fill(0);
        const first = broken.map((places) => places[index]!);
        if (clean[index] === null) vector[0] = NaN;
        else if (clean[index] !== block.targets[index]) vector[0] = 1;
        else {
          vector[1 + Math.min(...first)] = 1;
          if (several) first.forEach((place, which) => (vector[cells + which * (cells - 1) + place] = 1));
        }
        emit(row, vector);
      });
    }
  },
};

export const concludeRobustness: Conclude<Settings, RobustnessFigures> = (_, own, sums) => {
  const { norm, attacks } = own;
  const epsilons = rising(own);
  const [wrong = 0, ...worst] = sums.segment('worst');
  /** Of cells [broken first at ε₁ …, never], how many hold at the size of that number; 0 is none. */
  const holding = (cells: readonly number[], size: number): Shown =>
    shown(
      proportionFigure({
        correct: total(cells.slice(size)),
        incorrect: wrong + total(cells.slice(0, size)),
        noiseStd: sums.noiseStd * Math.sqrt(cells.length - size),
        incorrectNoiseStd: sums.noiseStd * Math.sqrt(1 + size),
      }),
    );
  const curve = (name: Attack['kind'] | 'worst', cells: readonly number[]) => ({
    attack: name,
    points: epsilons.map((_size, index) => holding(cells, index + 1)),
  });
  const clean = holding(worst, 0);
  const curves = [
    ...attacks.map(({ kind }) => curve(kind, attacks.length === 1 ? worst : [...sums.segment(kind)])),
    curve('worst', worst),
  ];
  return {
    units: wrong + total(worst),
    figures: [
      { name: 'clean', ...clean },
      ...epsilons.flatMap((epsilon, index) =>
        curves.map(({ attack: name, points }) => ({ name: `${norm}.${epsilon}.${name}`, ...points[index]! })),
      ),
    ],
    norm,
    epsilons,
    clean,
    curves,
  };
};

function problemsOf(context: QueryContext, { norm, epsilons, attacks }: Settings): readonly MeasureProblem[] {
  if (context.target === 'number') {
    return [
      {
        path: 'kind',
        problem: 'a number target is never right or wrong, so no attack can turn it',
        cure: 'Take the measure out.',
      },
    ];
  }
  const fault = perturbationFault(context.topology, context.columns);
  if (fault !== null) return [{ path: 'kind', ...fault }];
  const problems: MeasureProblem[] = [];
  epsilons.forEach((epsilon, index) => {
    const beyond = epsilonFault(context.columns, norm, epsilon);
    if (beyond !== null) problems.push({ path: `epsilons[${index}]`, ...beyond });
    if (epsilons.indexOf(epsilon) < index) {
      problems.push({ path: `epsilons[${index}]`, problem: `${epsilon} is listed twice`, cure: 'List it once.' });
    }
  });
  attacks.forEach(({ kind }, index) => {
    if (attacks.findIndex((one) => one.kind === kind) < index) {
      problems.push({ path: `attacks[${index}]`, problem: `${kind} is listed twice`, cure: 'List it once.' });
    }
  });
  return problems;
}

function rising({ epsilons }: Settings): readonly number[] {
  return [...epsilons].sort((a, b) => a - b);
}

/** The number of the smallest size at which an attack turns each row, sizes if none does; of rows that are not held too. */
function firstBroken(
  model: DifferentiableModel,
  context: QueryContext,
  norm: Settings['norm'],
  epsilons: readonly number[],
  one: Attack,
  block: RowBlock,
  held: readonly number[],
): Uint8Array {
  const places = new Uint8Array(block.rows.length).fill(epsilons.length);
  const width = model.inputs;
  let left = held;
  for (const [size, epsilon] of epsilons.entries()) {
    if (left.length === 0) break;
    const limits = {
      norm,
      epsilon,
      range: inputRanges(context.columns),
      places: amountInputs(context.columns),
    } satisfies AttackLimits;
    const inputs = new Float64Array(left.length * width);
    left.forEach((index, row) => inputs.set(block.inputs.subarray(index * width, (index + 1) * width), row * width));
    const targets = left.map((index) => block.targets[index]!);
    const changed =
      one.kind === 'fgsm'
        ? fastGradient(model, context.loss, inputs, targets, limits)
        : projectedGradient(model, context.loss, inputs, targets, {
            ...limits,
            steps: one.steps,
            stepSize: one.stepSize ?? pgdStepSize(epsilon, one.steps),
          });
    const classes = classesOf(model, changed, left.length);
    left = left.filter((index, row) => {
      if (classes[row] === targets[row]) return true;
      places[index] = size;
      return false;
    });
  }
  return places;
}

function classesOf(model: DifferentiableModel, inputs: Float64Array, rows: number): readonly (number | null)[] {
  const logits = model.logits(inputs, rows);
  return Array.from({ length: rows }, (_, row) => logitClass(logits, row, model.outputs));
}

function total(cells: readonly number[]): number {
  return cells.reduce((sum, count) => sum + count, 0);
}
