import { z } from 'zod';
import {
  boundedMeanFigure,
  calibrationFigures,
  calibrationOfHistogram,
  confusionFigures,
  deltaFigure,
  histogramAuroc,
  histogramAveragePrecision,
  matrixFigures,
  predictedClass,
  scoreBin,
  shown,
  temperatureOfHistogram,
  type CalibrationFigures,
  type ConfusionFigures,
  type Figure,
  type MatrixFigures,
  type ScoreHistogram,
  type Shown,
} from '../../metrics/index.ts';
import { log } from '../../model/index.ts';
import type { QueryContext } from '../query.ts';
import type { Conclude, Measure, MeasureReport, MeasureSums, NamedFigure } from './measure.ts';

export const performanceSettings = z.strictObject({
  kind: z.literal('performance'),
  share: z.number().positive().max(1_000).default(1),
  /** Bins of the scores' histograms: many for exact counts, in the tens or fewer beside noise. */
  bins: z.int().min(2).max(1_000).default(20),
  /** A row's log loss, or absolute error, is clipped to [0, lossMax]. */
  lossMax: z.number().positive().max(1_000).default(4),
});
type Settings = z.infer<typeof performanceSettings>;

/** What is known of the model's performance. Every list of figures is in the order in which it is shown. */
export type PerformanceFigures = MeasureReport & {
  /** Noisy counts, row-major [true class, predicted class]; null for a number. */
  readonly confusion: readonly number[] | null;
  /** Of each class, for more than two. */
  readonly classes: readonly { readonly name: string; readonly recall: Shown; readonly precision: Shown }[];
  /** Noisy histogram of scores by bin: of the positive class, or of the predicted one where right and where wrong; null for a number. */
  readonly histogram: { readonly positives: readonly number[]; readonly negatives: readonly number[] } | null;
  /** What noise alone would show as calibration error, and what to divide logits by; null where it cannot be told. */
  readonly calibrationFloor: number | null;
  readonly temperature: Figure | null;
};

/** What histograms and losses weigh beside the confusion: half, so that the counts on which most rests carry less noise. */
const weight = 0.5;

const squares = ['absolute', 'squared', 'target', 'targetSquared'];

/**
 * How good the model is: counts, score histograms and losses.
 *
 * What the vector of a row is, with the weights that it is given, h = 1/2:
 * - binary or classes: one 1 in a K × K table [true, predicted]; one h in a histogram of [2 × bins]: binary, of the score, the positive rows
 *   first; classes, of the predicted class's probability, the right ones first; h · loss / lossMax, the cross-entropy clipped to lossMax;
 *   h · Σ(p - y)² / 2 over classes (binary: (p - y)²), the Brier score.
 * - number: 1; h · |e| / lossMax, clipped; h · (e / lossMax)², clipped; h · (1 + t) / 2 and h · t², with t the scaled target / lossMax, clipped to
 *   ±1.
 *
 * Sensitivity: L2 ≤ √(1 + 3 h²) for classes, ≤ √(1 + 4 h²) for a number; a score that is no number makes the unit's vector none, and the door
 * counts it as zero.
 */
export const performance: Measure<Settings> = {
  kind: 'performance',
  problems: (context, { bins }) =>
    context.target === 'binary' && bins % 2 !== 0
      ? [{ path: 'bins', problem: `${bins} bins put a threshold of 1/2 within a bin`, cure: 'Use an even number.' }]
      : [],
  layout: (context, { bins }) =>
    context.target === 'number'
      ? [{ name: 'count', length: 1 }, ...squares.map((name) => ({ name, length: 1, weight }))]
      : [
          { name: 'confusion', length: classCountOf(context) ** 2 },
          { name: 'histogram', length: 2 * bins, weight },
          { name: 'loss', length: 1, weight },
          { name: 'brier', length: 1, weight },
        ],
  normL2: (context) => Math.sqrt(1 + (context.target === 'number' ? 4 : 3) * weight ** 2),
  contribute: async ({ context, batch, outputs }, own, emit) => {
    const length = context.target === 'number' ? 5 : classCountOf(context) ** 2 + 2 * own.bins + 2;
    const vector = new Float64Array(length);
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      if (context.target === 'number') addNumber(vector, outputs[row]!, batch.targets[row]!, own.lossMax);
      else addClass(vector, context, outputs, row, batch.targets[row]!, own);
      emit(row, vector);
    }
  },
};

export const concludePerformance: Conclude<Settings, PerformanceFigures> = (context, own, sums) => {
  switch (context.target) {
    case 'number':
      return numberFigures(own, sums);
    case 'binary':
      return binaryFigures(own, sums);
    case 'classes':
      return classFigures(context, own, sums);
  }
};

/** Number of classes of a target that has some. */
export function classCountOf(context: QueryContext): number {
  return context.target === 'binary' ? 2 : context.outputs;
}

/** Probability that a row's outputs give a class. */
export function probabilityOf(context: QueryContext, outputs: Float32Array, row: number, target: number): number {
  if (context.target === 'classes') return outputs[row * context.outputs + target]!;
  return target === 1 ? outputs[row]! : 1 - outputs[row]!;
}

/** Histogram bin of a score; NaN, which makes a vector none, of what is no probability. */
function binOf(score: number, bins: number): number {
  return score >= 0 && score <= 1 ? scoreBin(score, bins) : NaN;
}

function addClass(
  vector: Float64Array,
  context: QueryContext,
  outputs: Float32Array,
  row: number,
  target: number,
  { bins, lossMax }: Settings,
): void {
  const classes = classCountOf(context);
  const predicted = predictedClass(outputs, row, context.outputs);
  const histogram = classes * classes;
  const score = context.target === 'binary' ? outputs[row]! : probabilityOf(context, outputs, row, predicted);
  const bin = binOf(score, bins);
  if (Number.isNaN(bin)) {
    vector[0] = NaN;
    return;
  }
  vector[target * classes + predicted] = 1;
  const first = context.target === 'binary' ? target === 1 : predicted === target;
  vector[histogram + (first ? 0 : bins) + bin] = 1;
  const loss = -log(probabilityOf(context, outputs, row, target));
  vector[histogram + 2 * bins] = Math.min(lossMax, loss) / lossMax;
  let brier = 0;
  for (let output = 0; output < context.outputs; output++) {
    const right = context.target === 'binary' ? target : Number(output === target);
    brier += (outputs[row * context.outputs + output]! - right) ** 2;
  }
  vector[histogram + 2 * bins + 1] = context.target === 'binary' ? brier : brier / 2;
}

function addNumber(vector: Float64Array, output: number, target: number, lossMax: number): void {
  const error = Math.min(1, Math.abs(output - target) / lossMax);
  const scaled = Math.max(-1, Math.min(1, target / lossMax));
  vector[0] = 1;
  vector[1] = error;
  vector[2] = error * error;
  vector[3] = (1 + scaled) / 2;
  vector[4] = scaled * scaled;
}

const named = (name: string, value: Shown): NamedFigure => ({ name, ...value });
const signed = 2;

function meanShown(sums: MeasureSums, segment: string, max: number, units: Units): Shown {
  const noise = sums.noiseStdOf(segment);
  const mean = boundedMeanFigure({
    sum: sums.segment(segment)[0]! * max,
    count: units.count,
    max,
    sumNoiseStd: noise * max,
    countNoiseStd: units.noiseStd,
  });
  return shown(mean, max);
}

type Units = { readonly count: number; readonly noiseStd: number };

function unitsOf(counts: Float64Array, noiseStd: number): Units {
  return { count: counts.reduce((sum, count) => sum + count, 0), noiseStd: noiseStd * Math.sqrt(counts.length) };
}

function histogramOf(
  sums: MeasureSums,
  bins: number,
): ScoreHistogram & { positives: Float64Array; negatives: Float64Array } {
  const counts = sums.segment('histogram');
  return { positives: counts.subarray(0, bins), negatives: counts.subarray(bins) };
}

/** How far scores are from what came true, with the noise of each bin: two noisy counts make its rows. */
function calibrationOf(histogram: ScoreHistogram, bins: number, noise: number): CalibrationFigures | null {
  return calibrationFigures(calibrationOfHistogram(histogram, bins), {
    count: noise * Math.SQRT2,
    sumConfidence: noise * Math.SQRT2,
    sumCorrect: noise,
  });
}

function binaryFigures({ bins, lossMax }: Settings, sums: MeasureSums): PerformanceFigures {
  const confusion = sums.segment('confusion');
  const [tn, fp, fn, tp] = confusion as unknown as [number, number, number, number];
  const figures: ConfusionFigures = confusionFigures({ tp, fp, fn, tn }, sums.noiseStd);
  const histogram = histogramOf(sums, bins);
  const noise = sums.noiseStdOf('histogram');
  const units = unitsOf(confusion, sums.noiseStd);
  const calibration = calibrationOf(histogram, bins, noise);
  return {
    units: units.count,
    figures: [
      named('accuracy', shown(figures.accuracy)),
      named('balancedAccuracy', shown(figures.balancedAccuracy)),
      named('f1', shown(figures.f1)),
      named('mcc', shown(figures.mcc, signed)),
      named('recall', shown(figures.recall)),
      named('specificity', shown(figures.specificity)),
      named('precision', shown(figures.precision)),
      named('auroc', shown(histogramAuroc(histogram, noise))),
      named('averagePrecision', shown(histogramAveragePrecision(histogram, noise))),
      named('logLoss', meanShown(sums, 'loss', lossMax, units)),
      named('brier', meanShown(sums, 'brier', 1, units)),
      named('calibrationError', shown(calibration?.ece ?? null)),
    ],
    confusion: [...confusion],
    classes: [],
    histogram: { positives: [...histogram.positives], negatives: [...histogram.negatives] },
    calibrationFloor: calibration?.floor ?? null,
    temperature: temperatureOfHistogram(histogram, noise),
  };
}

function classFigures(context: QueryContext, { bins, lossMax }: Settings, sums: MeasureSums): PerformanceFigures {
  const confusion = sums.segment('confusion');
  const classes = classCountOf(context);
  const figures: MatrixFigures = matrixFigures(confusion, classes, sums.noiseStd);
  const histogram = histogramOf(sums, bins);
  const noise = sums.noiseStdOf('histogram');
  const units = unitsOf(confusion, sums.noiseStd);
  // Of the predicted class's probability: the rows that are right are those for which it came true.
  const calibration = calibrationOf(histogram, bins, noise);
  return {
    units: units.count,
    figures: [
      named('accuracy', shown(figures.accuracy)),
      named('balancedAccuracy', shown(figures.balancedAccuracy)),
      named('f1', shown(figures.f1Macro)),
      named('mcc', shown(figures.mcc, signed)),
      named('logLoss', meanShown(sums, 'loss', lossMax, units)),
      named('brier', scaled(meanShown(sums, 'brier', 1, units), 2)),
      named('calibrationError', shown(calibration?.ece ?? null)),
    ],
    confusion: [...confusion],
    classes: figures.classes.map(({ recall, precision }, index) => ({
      name: context.classes[index] ?? String(index),
      recall: shown(recall),
      precision: shown(precision),
    })),
    histogram: { positives: [...histogram.positives], negatives: [...histogram.negatives] },
    calibrationFloor: calibration?.floor ?? null,
    temperature: null,
  };
}

/** MAE, RMSE and R², in the target's scaled unit. */
function numberFigures({ lossMax }: Settings, sums: MeasureSums): PerformanceFigures {
  const noise = sums.noiseStdOf('squared');
  const units = { count: sums.segment('count')[0]!, noiseStd: sums.noiseStd };
  const squared = meanShown(sums, 'squared', 1, units).figure;
  const cells = ['count', 'squared', 'target', 'targetSquared'].map((name) => sums.segment(name)[0]!);
  const determination = deltaFigure(
    cells,
    [sums.noiseStd, noise, noise, noise],
    ([count, errors, shifted, squares]) => 1 - errors! / (squares! - (2 * shifted! - count!) ** 2 / count!),
    { low: -1, high: 1 },
  );
  const root = (value: number): number => lossMax * Math.sqrt(value);
  const rmse: Figure | null = squared && {
    value: root(squared.value),
    low: root(squared.low),
    high: root(squared.high),
    noiseHalfWidth: squared.value > 0 ? (lossMax * squared.noiseHalfWidth) / (2 * Math.sqrt(squared.value)) : 0,
  };
  return {
    units: units.count,
    figures: [
      named('meanAbsoluteError', meanShown(sums, 'absolute', lossMax, units)),
      named('rootMeanSquaredError', shown(rmse, lossMax)),
      named('determination', shown(determination, signed)),
    ],
    confusion: null,
    classes: [],
    histogram: null,
    calibrationFloor: null,
    temperature: null,
  };
}

function scaled(value: Shown, factor: number): Shown {
  if (value.figure === null) return value;
  const { value: middle, low, high, noiseHalfWidth } = value.figure;
  const figure = {
    value: factor * middle,
    low: factor * low,
    high: factor * high,
    noiseHalfWidth: factor * noiseHalfWidth,
  };
  return { figure, withheld: null };
}
