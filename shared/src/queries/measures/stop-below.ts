import type { LabelFigures } from './labels.ts';
import type { MeasureFigures } from './measures-query.ts';

/** Numbers of units below which there is not enough to train on. */
export type StopBelow = {
  /** Of all units. */
  readonly units?: number | undefined;
  /** Of each class. */
  readonly classUnits?: number | undefined;
};

/**
 * Why a run is to end before its first round by what its survey of labels found; null: it goes on. Decided by the noisy numbers themselves, so
 * from the release alone; a class that is withheld has fewer than the plan's minimum.
 */
export function stopReason(below: StopBelow, survey: readonly MeasureFigures[]): string | null {
  const labels = survey.find(({ settings }) => settings.kind === 'labels')?.report as LabelFigures | undefined;
  if (labels === undefined) return null;
  const { units, classUnits } = below;
  if (units !== undefined && labels.units < units) {
    return `the survey counts about ${Math.max(0, Math.round(labels.units))} units, and the plan asks for ${units} before it trains`;
  }
  if (classUnits === undefined) return null;
  const place = labels.counts.findIndex((count) => count === null || count < classUnits);
  if (place < 0) return null;
  const count = labels.counts[place] ?? null;
  const found = count === null ? 'too few to be told' : `about ${Math.max(0, Math.round(count))}`;
  return `the survey counts ${found} units of class ${labels.classes[place] ?? place}, and the plan asks for ${classUnits} of each before it trains`;
}
