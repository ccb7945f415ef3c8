import { importanceStability, type Figure } from '../metrics/index.ts';
import type { Plan } from '../plan/index.ts';
import {
  driftOfReports,
  membershipOfReleases,
  releasedImportance,
  type AttributionFigures,
  type ColumnsFigures,
  type LabelFigures,
  type LossHistogram,
  type MeasureFigures,
} from '../queries/index.ts';
import type { ReportRelease } from './report-document.ts';

/** What is concluded from two releases together, as a measure of the newer one. */
export type DerivedMeasure = {
  readonly release: Omit<ReportRelease, 'measures'>;
  readonly measure: MeasureFigures;
};

/**
 * What two releases say together, at no further ε: the attack on membership, from the units that trained and those that did not; how the data of
 * each report differ from the survey's; and whether the model still rests on the same columns as a report ago.
 */
export function derivedMeasures(plan: Plan, releases: readonly ReportRelease[]): readonly DerivedMeasure[] {
  return [...membership(plan, releases), ...drifts(releases), ...stabilities(releases)];
}

function membership(plan: Plan, releases: readonly ReportRelease[]): readonly DerivedMeasure[] {
  const of = (slot: ReportRelease['slot']) => {
    const release = releases.findLast((one) => one.slot === slot);
    const measure = release?.measures.find(({ settings }) => settings.kind === 'membership');
    return release === undefined || measure === undefined ? null : { release, measure };
  };
  const [members, others] = [of('trainReport'), of('report')];
  if (members === null || others === null) return [];
  const promise = plan.privacy.kind === 'none' ? null : { epsilon: plan.privacy.epsilon, delta: plan.privacy.delta };
  const report = membershipOfReleases(
    members.measure.report as LossHistogram,
    others.measure.report as LossHistogram,
    promise,
  );
  return [{ release: others.release, measure: { ...others.measure, report } }];
}

function drifts(releases: readonly ReportRelease[]): readonly DerivedMeasure[] {
  const survey = releases.find(({ slot }) => slot === 'survey')?.measures ?? [];
  return releases
    .filter(({ slot }) => slot !== 'survey')
    .flatMap((release) => {
      const pairs = release.measures.flatMap((later) => {
        const earlier = survey.find(({ settings }) => sameCells(settings, later.settings));
        const counted = later.settings.kind === 'labels' || later.settings.kind === 'columns';
        return earlier === undefined || !counted ? [] : [{ earlier, later }];
      });
      return pairs.map(({ earlier, later }): DerivedMeasure => {
        const report = driftOfReports(
          earlier.report as LabelFigures | ColumnsFigures,
          later.report as LabelFigures | ColumnsFigures,
        );
        const kind = later.settings.kind === 'labels' ? 'labelDrift' : 'columnDrift';
        return {
          release,
          measure: { settings: { kind, share: 1 }, noiseStd: later.noiseStd, report },
        };
      });
    });
}

/** How the order of columns by importance holds from each report to the next. Of released numbers, so there is nothing uncertain about the figures. */
function stabilities(releases: readonly ReportRelease[]): readonly DerivedMeasure[] {
  const told = releases.flatMap((release) => {
    const measure = release.measures.find(({ settings }) => settings.kind === 'attributions');
    return release.slot !== 'report' || measure === undefined ? [] : [{ release, measure }];
  });
  const pairs = importanceStability(
    told.map(({ release, measure }) => releasedImportance(release.round, measure.report as AttributionFigures)),
  );
  return pairs.flatMap((pair, index): DerivedMeasure[] => {
    const later = told[index + 1];
    if (pair === null || later === undefined) return [];
    const figures = (['rankCorrelation', 'noiseFloor', 'topOverlap'] as const).map((name) => ({
      name,
      figure: exactly(pair[name]),
      withheld: null,
    }));
    const report = { units: later.measure.report.units, figures, ...pair };
    const settings = { kind: 'importanceStability', share: 1 };
    return [{ release: later.release, measure: { settings, noiseStd: later.measure.noiseStd, report } }];
  });
}

function exactly(value: number): Figure {
  return { value, low: value, high: value, noiseHalfWidth: 0 };
}

/** Whether two measures count the same cells: shares, and whether clients are counted apart, may differ. */
function sameCells(one: MeasureFigures['settings'], other: MeasureFigures['settings']): boolean {
  const cells = (settings: MeasureFigures['settings']): string =>
    JSON.stringify({ ...settings, share: 0, byClient: undefined });
  return cells(one) === cells(other);
}
