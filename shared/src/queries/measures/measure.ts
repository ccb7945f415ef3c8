import type { Shown } from '../../metrics/index.ts';
import type { DifferentiableModel, UnitBatch } from '../../model/index.ts';
import type { Segment } from '../../vector/index.ts';
import type { QueryContext } from '../query.ts';

/** What a measure works with on the device. */
export type MeasureInput = {
  readonly context: QueryContext;
  readonly batch: UnitBatch;
  /** What the model says of each row: probabilities or scaled values, row-major [rows, outputs]. */
  readonly outputs: Float32Array;
  /** The same weights in float64, with derivatives by the inputs: made when first asked for. */
  readonly differentiable: () => Promise<DifferentiableModel>;
  /** Fresh from the device's CSPRNG for each call: for perturbations of own rows, never for privacy noise. */
  readonly seed: Uint8Array;
};

/** A segment of a measure's vector. */
export type MeasureSegment = Segment & {
  /** What its coordinates are multiplied by on the way into the vector, for less or more noise than the others'; 1 where absent. */
  readonly weight?: number;
};

/** A measure's part of a noisy sum, read back into its own numbers: weights are taken out again. */
export type MeasureSums = {
  /** Sums over units (at unit = client: over clients' means), float64, in the order of the measure's layout. */
  readonly sums: Float64Array;
  /** The segment of a name, as a view. @throws {INTERNAL} when the measure has none. */
  segment(name: string): Float64Array;
  /** Standard deviation of the noise in each coordinate of weight 1; 0 without noise. */
  readonly noiseStd: number;
  /** That in each coordinate of a segment. */
  noiseStdOf(name: string): number;
};

/** A fault of a measure's settings that the plan alone shows. */
export type MeasureProblem = {
  /** Below the measure, for example `attributes[0].columns[1]`. */
  readonly path: string;
  readonly problem: string;
  readonly cure: string;
};

/** One number of a measure, as reports list it and thresholds name it. */
export type NamedFigure = {
  /** Below the measure's kind, for example `accuracy` or `sex.equalizedOdds`. */
  readonly name: string;
  /** What noise alone would show in 95 of 100 releases; below it (of a ratio: above it) nothing is told. Absent: 0. */
  readonly floor?: number;
} & Shown;

/** What every measure concludes; each adds what its charts need. All of it JSON. */
export type MeasureReport = {
  /** Noisy number of units that were read (at unit = client: of clients). */
  readonly units: number;
  readonly figures: readonly NamedFigure[];
};

/**
 * One thing that is to be known about the model or the data: what vector a row contributes and how large it may be, and what the sum
 * says. Several measures ride in one vector (`measures-query.ts`), so what each states is enough for a joint bound.
 * One file a measure, with a schema of its settings (`kind`, `share` and what else a plan may say), and its lines in `measure-list.ts` and
 * `conclusion-list.ts`.
 */
export type Measure<Settings = unknown> = {
  readonly kind: string;
  /** What cannot be answered, and is known from the plan: an unknown column, one class only, a topology without gradients. */
  readonly problems: (context: QueryContext, settings: Settings) => readonly MeasureProblem[];
  readonly layout: (context: QueryContext, settings: Settings) => readonly MeasureSegment[];
  /** L2 bound of one row's vector, its segments weighted. A unit's vector is the mean of its rows', so the bound is a unit's (and a client's) as well. */
  readonly normL2: (context: QueryContext, settings: Settings) => number;
  /** Calls `emit` once per row with its number and its vector before weights, float64 [length]; the buffer may be reused after `emit` returns. */
  readonly contribute: (
    input: MeasureInput,
    settings: Settings,
    emit: (row: number, vector: Float64Array) => void,
  ) => Promise<void>;
};

/**
 * What a measure's sum says: figures with intervals that hold sampling and noise, as JSON; what noise drowns is withheld with its reason. Beside the
 * measure in its file, and no part of it: a device asks and never concludes.
 */
export type Conclude<Settings = unknown, Figures extends MeasureReport = MeasureReport> = (
  context: QueryContext,
  settings: Settings,
  sums: MeasureSums,
) => Figures;
