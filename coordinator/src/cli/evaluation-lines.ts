import { generalizationGaps, type Figure } from '@sotto/shared/metrics';
import type { EvaluationSet, RunStatus } from '@sotto/shared/protocol';

type Evaluation = RunStatus['evaluations'][number];

/** The newest evaluation in words: of clients that train, and where the plan asks of the units that train and of unseen clients. */
export function evaluationLines(evaluation: Evaluation): string[] {
  const { round, fit, unseen } = evaluation;
  const lines = [`Evaluation   round ${round}: ${setWords(evaluation)}`];
  if (fit !== undefined) lines.push(`  training units: ${setWords(fit)}`);
  if (unseen !== undefined) lines.push(`  unseen clients: ${setWords(unseen)}`);
  const gaps = gapsOf(evaluation);
  if (gaps.outOfSample !== null) lines.push(`  gap out of sample: ${pointsWords(gaps.outOfSample)}`);
  if (gaps.participation !== null) lines.push(`  participation gap: ${pointsWords(gaps.participation)}`);
  return lines;
}

/** Gaps of accuracy; of a regression, of the loss, from the other side, so that above 0 it always says overfitting. */
function gapsOf(evaluation: Evaluation): ReturnType<typeof generalizationGaps> {
  const { fit, unseen } = evaluation;
  if (evaluation.accuracy !== null) {
    return generalizationGaps({
      train: fit?.accuracy ?? null,
      validation: evaluation.accuracy,
      unseen: unseen?.accuracy ?? null,
    });
  }
  const negated = (figure: Figure | null | undefined): Figure | null =>
    figure == null ? null : { ...figure, value: -figure.value, low: -figure.high, high: -figure.low };
  return generalizationGaps({
    train: negated(fit?.loss),
    validation: negated(evaluation.loss),
    unseen: negated(unseen?.loss),
  });
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

function setWords({ accuracy, loss, withheld }: EvaluationSet): string {
  if (accuracy !== null) {
    return `accuracy ${percent(accuracy.value)} (${percent(accuracy.low)} … ${percent(accuracy.high)})`;
  }
  if (loss !== null) return `loss ${loss.value.toFixed(3)} (${loss.low.toFixed(3)} … ${loss.high.toFixed(3)})`;
  return withheld ?? 'no figure';
}

function pointsWords({ value, low, high }: Figure): string {
  const points = (number: number): string => `${number < 0 ? '−' : '+'}${(100 * Math.abs(number)).toFixed(1)}`;
  return `${points(value)} points (${points(low)} … ${points(high)})`;
}
