import type { Figure } from '../metrics/index.ts';
import { figurePath, type MeasureFigures, type MeasuresSlot } from '../queries/index.ts';
import { challengeOf } from './challenges.ts';
import type { ReportFigure, ReportMeasure, ReportNamedFigure } from './report-schema.ts';

/** A figure as JSON holds it: a side without a bound is null. */
export function reportFigure(figure: Figure | null): ReportFigure | null {
  if (figure === null || !Number.isFinite(figure.value)) return null;
  const { value, low, high, noiseHalfWidth } = figure;
  return { value, low: finite(low), high: finite(high), noiseHalfWidth: Math.max(0, finite(noiseHalfWidth) ?? 0) };
}

/** The figure that a document holds. */
export function figureOf(figure: ReportFigure): Figure {
  return { ...figure, low: figure.low ?? -Infinity, high: figure.high ?? Infinity };
}

/** What a measure concluded, as a report holds it. */
export function reportMeasure(
  { settings, noiseStd, report }: MeasureFigures,
  release: Pick<ReportMeasure, 'round' | 'part' | 'newest' | 'modelHash' | 'budget'> & { readonly slot: MeasuresSlot },
): ReportMeasure {
  const { units, figures, ...detail } = report;
  const { kind } = settings;
  return {
    kind,
    challenge: challengeOf(kind),
    ...release,
    units,
    noiseStd,
    settings: plainJson(settings),
    figures: figures.map(({ name, figure, withheld, floor }): ReportNamedFigure => ({
      name: figurePath(release.slot, kind, name),
      figure: reportFigure(figure),
      // A figure that is no number is none.
      withheld: reportFigure(figure) === null ? (withheld ?? 'it is no number at this size') : null,
      floor: floor === undefined ? null : finite(floor),
    })),
    detail: plainJson(detail),
  };
}

/** What JSON leaves of a value: numbers that are none become null, views become lists. */
export function plainJson(value: object): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) => (ArrayBuffer.isView(inner) ? [...(inner as Float64Array)] : inner)),
  ) as Record<string, unknown>;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
