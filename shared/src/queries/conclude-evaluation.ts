import { SottoError } from '../errors/index.ts';
import type { PartSpec } from '../privacy/index.ts';
import { classCount, evaluationSettings } from './evaluation.ts';
import type { QueryContext } from './query.ts';

/** A figure with its 95 % interval; `noiseHalfWidth` is the part of the interval that is privacy noise. */
export type EvaluationFigure = {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly noiseHalfWidth: number;
};

/** An evaluation release, read. */
export type EvaluationRelease = {
  /** Noisy number of units (at unit = client: of clients) that were read; below 0 at times where there are few. */
  readonly units: number;
  /** Share that was predicted right, each unit weighing the same; null for a regression, or when withheld. */
  readonly accuracy: EvaluationFigure | null;
  /** Mean of the clipped loss, in [0, lossMax]; null when withheld. */
  readonly loss: EvaluationFigure | null;
  /** Noisy counts, row-major [true class, predicted class]; null without the detail `confusion`. */
  readonly confusion: Float64Array | null;
  /** Why accuracy and loss are withheld; null when they are shown. */
  readonly withheld: string | null;
};

/** Two-sided 95 % quantile of the normal distribution. */
const z95 = 1.959963984540054;

/** A figure whose noise alone is wider than this share of its range, to either side, tells nothing and is withheld. */
const noiseHalfWidthMax = 0.2;

/** A noisy number of units below this many standard deviations of its noise is not told apart from none. */
const unitDeviationsMin = 4;

/**
 * Accuracy and loss from an evaluation part's noisy sum. Withheld, with the reason, where noise drowns them; the decision
 * looks at noisy numbers only (soundness.md §1, §4).
 *
 * The 95 % intervals hold sampling and noise: sampling variance p(1 - p) / N, which for a loss in [0, 1] is an upper bound
 * (Bhatia, Davis 2000); noise by the linearised ratio of the noisy sums.
 *
 * @param integers - the part's noisy sum in grid steps, in the order of the query's layout
 * @param noiseVarianceSteps - variance of the noise in each coordinate of this sum, steps² (`plan`'s `releaseNoiseVariance`)
 * @throws {INVALID_INPUT} when the part is no evaluation or the length is wrong.
 */
export function concludeEvaluation(
  part: PartSpec,
  integers: Int32Array,
  context: QueryContext,
  noiseVarianceSteps: number,
): EvaluationRelease {
  if (part.query !== 'evaluation' || integers.length !== part.dimension) {
    throw new SottoError(
      'INVALID_INPUT',
      `evaluation release: ${part.query} part of ${part.dimension} coordinates, got ${integers.length}`,
    );
  }
  const { detail, lossMax } = evaluationSettings(context);
  // What truncation makes of a count of one: dividing by it gives whole numbers where there is no noise.
  const stepsPerUnit = Math.floor(1 / part.gridStep);
  const sums = Float64Array.from(integers, (steps) => steps / stepsPerUnit);
  const variance = noiseVarianceSteps / stepsPerUnit ** 2;
  const counts = sums.subarray(0, -1);
  const lossSum = sums[sums.length - 1]!;
  const units = counts.reduce((sum, count) => sum + count, 0);
  const unitsVariance = variance * counts.length;
  const confusion = context.target !== 'number' && detail === 'confusion' ? Float64Array.from(counts) : null;

  const unitsMin = Math.max(0.5, unitDeviationsMin * Math.sqrt(unitsVariance));
  if (units < unitsMin) {
    const withheld = `about ${Math.round(units)} units against noise of ±${(z95 * Math.sqrt(unitsVariance)).toFixed(1)}: too few to tell`;
    return { units, accuracy: null, loss: null, confusion, withheld };
  }
  const right = rightCount(context, counts);
  const accuracy =
    right === null
      ? null
      : ratioFigure(right.count, units, {
          // The right and the wrong counts carry independent noise, the ratio is right / (right + wrong).
          noiseVariance: (share) =>
            (1 - share) ** 2 * right.cells * variance + share ** 2 * (counts.length - right.cells) * variance,
        });
  const scaledLoss = ratioFigure(lossSum, units, { noiseVariance: (mean) => variance + mean ** 2 * unitsVariance });
  const widest = Math.max(accuracy?.noiseHalfWidth ?? 0, scaledLoss.noiseHalfWidth);
  if (widest > noiseHalfWidthMax) {
    const withheld = `noise alone is ±${(100 * widest).toFixed(0)} points on about ${Math.round(units)} units`;
    return { units, accuracy: null, loss: null, confusion, withheld };
  }
  return { units, accuracy, loss: scaled(scaledLoss, lossMax), confusion, withheld: null };
}

/** The sum of the cells that count right predictions, and how many cells these are. */
function rightCount(context: QueryContext, counts: Float64Array): { count: number; cells: number } | null {
  if (context.target === 'number') return null;
  if (evaluationSettings(context).detail === 'accuracy') return { count: counts[0]!, cells: 1 };
  const classes = classCount(context);
  let count = 0;
  for (let index = 0; index < classes; index++) count += counts[index * (classes + 1)]!;
  return { count, cells: classes };
}

/** A mean in [0, 1] of `units` values; `noiseVariance` is that of (sum - mean·units), given the mean. */
function ratioFigure(
  sum: number,
  units: number,
  noise: { readonly noiseVariance: (mean: number) => number },
): EvaluationFigure {
  const mean = clampUnit(sum / units);
  const noiseDeviation = Math.sqrt(noise.noiseVariance(mean)) / units;
  const deviation = Math.sqrt((mean * (1 - mean)) / units + noiseDeviation ** 2);
  return {
    value: mean,
    low: clampUnit(mean - z95 * deviation),
    high: clampUnit(mean + z95 * deviation),
    noiseHalfWidth: z95 * noiseDeviation,
  };
}

function scaled(figure: EvaluationFigure, by: number): EvaluationFigure {
  return {
    value: figure.value * by,
    low: figure.low * by,
    high: figure.high * by,
    noiseHalfWidth: figure.noiseHalfWidth * by,
  };
}

function clampUnit(value: number): number {
  return Math.max(0, Math.min(1, value));
}
