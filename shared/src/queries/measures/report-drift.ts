import { SottoError } from '../../errors/index.ts';
import { driftOf, wasserstein, type Drift, type Figure } from '../../metrics/index.ts';
import type { ColumnsFigures } from './columns.ts';
import type { LabelFigures } from './labels.ts';
import type { MeasureReport, NamedFigure } from './measure.ts';
import { totalOf } from './noisy-counts.ts';

/** What is said of a drift: its index is above what noise alone shows, or not, or noise would hide even a major one. */
export type DriftVerdict = 'drift' | 'no sign of drift' | 'cannot tell';

/** How one histogram has changed. */
export type HistogramDrift = {
  /** The column; null for the labels. */
  readonly column: string | null;
  readonly verdict: DriftVerdict;
  /** Null where there are too few units. */
  readonly drift: Drift | null;
  /** Of a number: how far its values have moved on average, raw, as far as bins tell; null elsewhere. */
  readonly moved: Figure | null;
};

/** How the data of one release differ from those of an earlier one. */
export type ReportDrift = MeasureReport & { readonly histograms: readonly HistogramDrift[] };

/** From here on a stability index is called major. */
const majorIndex = 0.25;

/**
 * Drift between two releases of `labels`, or two of `columns`: a survey and a report, or a report and a later one. What is concluded from
 * releases costs nothing more.
 *
 * Cells that one of both withholds are one cell together, whose units are what the others leave of all. Each column is held to its own floor: of twenty columns without drift, one is above it by chance.
 *
 * @throws {INVALID_INPUT} when the releases are not of the same cells.
 */
export function driftOfReports(
  earlier: LabelFigures | ColumnsFigures,
  later: LabelFigures | ColumnsFigures,
): ReportDrift {
  // At unit = client a release of too few clients tells nothing at all.
  if (isSilent(earlier) || isSilent(later)) return { units: later.units, figures: [], histograms: [] };
  const [before, after] = [histogramsOf(earlier), histogramsOf(later)];
  const alike =
    before.length === after.length &&
    before.every((one, i) => {
      const other = after[i]!;
      return (
        one.column === other.column &&
        one.cells.length === other.cells.length &&
        one.edges.join() === other.edges.join() &&
        one.values.join('\n') === other.values.join('\n')
      );
    });
  if (!alike) throw new SottoError('INVALID_INPUT', 'drift: the two releases are not of the same columns and bins');
  const noiseStd = { reference: earlier.noiseStd, current: later.noiseStd };
  const histograms = before.map((one, i) => histogramDrift(one, after[i]!, earlier.units, later.units, noiseStd));
  return { units: later.units, figures: histograms.flatMap(figuresOf), histograms };
}

function isSilent(report: LabelFigures | ColumnsFigures): boolean {
  return 'columns' in report ? report.columns.length === 0 : report.counts.length === 0;
}

type Cells = readonly (number | null)[];
type Histogram = {
  readonly column: string | null;
  /** The missing one last, where there is one. */
  readonly cells: Cells;
  readonly edges: readonly number[];
  readonly values: readonly string[];
};

function histogramsOf(report: LabelFigures | ColumnsFigures): readonly Histogram[] {
  if (!('columns' in report)) {
    return [{ column: null, cells: report.counts, edges: report.edges, values: report.classes }];
  }
  return report.columns.map(({ name, counts, missing, edges, values }) => ({
    column: name,
    cells: [...counts, missing],
    edges,
    values,
  }));
}

type NoiseStd = { readonly reference: number; readonly current: number };

function histogramDrift(
  before: Histogram,
  after: Histogram,
  first: number,
  second: number,
  std: NoiseStd,
): HistogramDrift {
  const { column, edges } = before;
  const nothing = { column, verdict: 'cannot tell', drift: null, moved: null } as const;
  const told = before.cells.map((cell, i) => cell !== null && after.cells[i] !== null);
  const shownOf = (cells: Cells): number[] => cells.flatMap((cell, i) => (told[i] && cell !== null ? [cell] : []));
  const [reference, current] = [shownOf(before.cells), shownOf(after.cells)];
  if (reference.length === 0) return nothing;
  if (told.includes(false)) {
    reference.push(first - totalOf(reference));
    current.push(second - totalOf(current));
  }
  if (reference.length < 2 || !(totalOf(reference) > 0) || !(totalOf(current) > 0)) return nothing;
  const drift = driftOf(reference, current, std);
  const moved = edges.length > 0 ? movedOf(before, after, first, second, std) : null;
  return { column, verdict: verdictOf(drift), drift, moved };
}

function verdictOf({ psi, psiFloor }: Drift): DriftVerdict {
  if (psi === null) return 'cannot tell';
  if (psi.value > psiFloor) return 'drift';
  return psiFloor >= majorIndex ? 'cannot tell' : 'no sign of drift';
}

/** A bin that is withheld counts as empty; the interval holds that its rows may be anywhere. */
function movedOf(before: Histogram, after: Histogram, first: number, second: number, std: NoiseStd): Figure | null {
  const { edges } = before;
  const bins = edges.length - 1;
  const told = ({ cells }: Histogram): number[] => cells.slice(0, bins).map((cell) => cell ?? 0);
  const hidden = ({ cells }: Histogram, units: number): number => {
    return units > 0 ? Math.max(0, units - totalOf(cells.map((cell) => cell ?? 0))) / units : 0;
  };
  const figure = wasserstein(told(before), told(after), edges, std);
  if (figure === null) return null;
  const range = edges[bins]! - edges[0]!;
  const unknown = (hidden(before, first) + hidden(after, second)) * range;
  return { ...figure, low: Math.max(0, figure.low - unknown), high: Math.min(range, figure.high + unknown) };
}

function figuresOf({ column, drift, moved }: HistogramDrift): readonly NamedFigure[] {
  const prefix = column === null ? '' : `${column}.`;
  const silence = { figure: null, withheld: 'too few units beside the noise' } as const;
  const of = (figure: Figure | null) => (figure === null ? silence : { figure, withheld: null });
  return [
    { name: `${prefix}psi`, ...(drift === null ? {} : { floor: drift.psiFloor }), ...of(drift?.psi ?? null) },
    {
      name: `${prefix}jensenShannon`,
      ...(drift === null ? {} : { floor: drift.jensenShannonFloor }),
      ...of(drift?.jensenShannon ?? null),
    },
    ...(moved === null ? [] : [{ name: `${prefix}moved`, ...of(moved) }]),
  ];
}
