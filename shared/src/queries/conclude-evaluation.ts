import { SottoError } from '../errors/index.ts';
import { boundedMeanFigure, noiseHalfWidthMax, proportionFigure, z95, type Figure } from '../metrics/index.ts';
import type { PartSpec } from '../privacy/index.ts';
import { classCount, evaluationSettings, figuresLength } from './evaluation.ts';
import type { QueryContext } from './query.ts';

/** What an evaluation says of some units. */
export type EvaluationFigures = {
  /** Noisy number of units (at unit = client: of clients) that were read; below 0 at times where there are few. */
  readonly units: number;
  /** Share that was predicted right, each unit weighing the same; null for a regression, or when withheld. */
  readonly accuracy: Figure | null;
  /** Mean of the clipped loss, in [0, lossMax]; null when withheld. */
  readonly loss: Figure | null;
  /** Noisy counts, row-major [true class, predicted class]; null without the detail `confusion`. */
  readonly confusion: Float64Array | null;
  /** Why accuracy and loss are withheld; null when they are shown. */
  readonly withheld: string | null;
};

/** An evaluation release, read: of the clients that train, and where the plan holds some out of those that do not. */
export type EvaluationRelease = EvaluationFigures & { readonly unseen: EvaluationFigures | null };

/**
 * Accuracy and loss from an evaluation part's noisy sum, of slot `evaluation` or `fit`. Withheld, with the reason, where noise drowns them; the decision
 * looks at noisy numbers only (soundness.md §1, §4).
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
  // What truncation makes of a count of one: dividing by it leaves no bias where there is no noise.
  const stepsPerUnit = Math.floor(1 / part.gridStep);
  const sums = Float64Array.from(integers, (steps) => steps / stepsPerUnit);
  const noiseStd = Math.sqrt(noiseVarianceSteps) / stepsPerUnit;
  const length = figuresLength(context);
  const figures = figuresOf(context, sums.subarray(0, length), noiseStd);
  // What clients that are held out contribute to `fit` is nothing.
  const apart = part.slot === 'evaluation' && context.heldOut !== undefined;
  return { ...figures, unseen: apart ? figuresOf(context, sums.subarray(length), noiseStd) : null };
}

function figuresOf(context: QueryContext, sums: Float64Array, noiseStd: number): EvaluationFigures {
  const { detail, lossMax } = evaluationSettings(context);
  const counts = sums.subarray(0, -1);
  const units = counts.reduce((sum, count) => sum + count, 0);
  const unitsNoiseStd = noiseStd * Math.sqrt(counts.length);
  const accuracy = accuracyFigure(context, counts, noiseStd);
  const loss = boundedMeanFigure({
    sum: sums[sums.length - 1]! * lossMax,
    count: units,
    max: lossMax,
    sumNoiseStd: noiseStd * lossMax,
    countNoiseStd: unitsNoiseStd,
  });
  const confusion = context.target !== 'number' && detail === 'confusion' ? Float64Array.from(counts) : null;
  const withheld = whyWithheld(units, unitsNoiseStd, [
    loss === null ? null : loss.noiseHalfWidth / lossMax,
    ...(context.target === 'number' ? [] : [accuracy === null ? null : accuracy.noiseHalfWidth]),
  ]);
  if (withheld !== null) return { units, accuracy: null, loss: null, confusion, withheld };
  return { units, accuracy, loss, confusion, withheld };
}

function accuracyFigure(context: QueryContext, counts: Float64Array, noiseStd: number): Figure | null {
  if (context.target === 'number') return null;
  if (evaluationSettings(context).detail === 'accuracy') {
    return proportionFigure({ correct: counts[0]!, incorrect: counts[1]!, noiseStd });
  }
  const classes = classCount(context);
  let right = 0;
  for (let index = 0; index < classes; index++) right += counts[index * (classes + 1)]!;
  // The diagonal is part of the total, so their noises go together and the ratio's is smaller than reckoned here.
  return boundedMeanFigure({
    sum: right,
    count: counts.reduce((sum, count) => sum + count, 0),
    max: 1,
    sumNoiseStd: noiseStd * Math.sqrt(classes),
    countNoiseStd: noiseStd * classes,
  });
}

/** @param noiseHalfWidths - of the figures, as shares of their range; null where a figure has no bounded interval. */
function whyWithheld(units: number, unitsNoiseStd: number, noiseHalfWidths: readonly (number | null)[]): string | null {
  const about = `about ${Math.round(units)} units`;
  const widths = noiseHalfWidths.filter((width) => width !== null);
  if (widths.length < noiseHalfWidths.length) {
    return `${about} against noise of ±${(z95 * unitsNoiseStd).toFixed(1)}: too few to tell`;
  }
  const widest = Math.max(...widths);
  return widest > noiseHalfWidthMax ? `noise alone is ±${(100 * widest).toFixed(0)} points on ${about}` : null;
}
