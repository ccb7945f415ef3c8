import { SottoError } from '../../errors/index.ts';
import { referenceModel, type DifferentiableModel } from '../../model/index.ts';
import { gridFor, type PartSpec } from '../../privacy/index.ts';
import { layoutLength, layoutOffsets, type Segment } from '../../vector/index.ts';
import type { MeasureSettings, Query, QueryContext } from '../query.ts';
import { conclusionOf } from './conclusion-list.ts';
import { measureOf } from './measure-list.ts';
import type { Measure, MeasureReport, MeasureSegment, MeasureSums } from './measure.ts';

/** The slots that are asked for by lists of measures. */
export type MeasuresSlot = keyof QueryContext['measures'];

/** Keeps a vector of the largest norm from being scaled by rounding alone. */
const belowTheBound = 1 - 2 ** -30;

/**
 * A query made of measures: what they ask of a row stands side by side in one vector, each part weighted.
 *
 * What the vector is: for measure m with the share s_m of the whole (shares are divided by their sum), its row vector, each segment times its
 * own weight, times w_m = √s_m / n_m, with n_m the measure's own bound on a row.
 *
 * Sensitivity: Σ w_m² n_m² = Σ s_m = 1, so a row's whole vector has L2 ≤ 1, and a unit's (the mean of its rows'; at unit = client the
 * mean of its units') too. One vector, one norm, one event (soundness.md §4: joint over its segments). With noise z in units of the
 * bound a measure's own numbers carry noise of deviation z·n_m / √s_m: shares are what measures cost beside one another, as z⁻² adds up over
 * Gaussian releases of the same unit.
 */
export function measuresQuery(name: MeasuresSlot): Query {
  return {
    name,
    units: ['record', 'client'],
    layout: (context) => measuresLayout(context, name),
    clipNormL2: () => 1,
    contribute: async ({ context, batch, model, weights, seed }, emit) => {
      if (batch.units === 0) return;
      const outputs = await model.predict(batch.inputs, batch.rows);
      let made: Promise<DifferentiableModel> | null = null;
      const differentiable = (): Promise<DifferentiableModel> => (made ??= differentiableOf(context, weights));
      const perClient = context.unit === 'client';
      const length = layoutLength(measuresLayout(context, name));
      const vectors = new Float64Array((perClient ? 1 : batch.units) * length);
      const unitOfRow = unitsOfRows(batch.rowOffsets, batch.rows);
      for (const { measure, settings, weights: scales, from } of placed(context, name)) {
        await measure.contribute({ context, batch, outputs, differentiable, seed }, settings, (row, vector) => {
          const unit = unitOfRow[row]!;
          const rows = batch.rowOffsets[unit + 1]! - batch.rowOffsets[unit]!;
          const share = (perClient ? 1 / batch.units : 1) / rows;
          const at = (perClient ? 0 : unit * length) + from;
          for (let i = 0; i < vector.length; i++) vectors[at + i]! += share * scales[i]! * vector[i]!;
        });
      }
      for (let at = 0; at < vectors.length; at += length) emit(vectors.subarray(at, at + length));
    },
  };
}

/** A measure of a release, concluded. */
export type MeasureFigures = {
  readonly settings: MeasureSettings;
  /** Standard deviation of the noise in each of the measure's own sums; 0 without. */
  readonly noiseStd: number;
  readonly report: MeasureReport;
};

/**
 * The figures of a noisy sum of measures, in the order of the plan.
 *
 * @param integers - the part's noisy sum in grid steps, in the order of the query's layout
 * @param noiseVarianceSteps - variance of the noise in each coordinate of this sum, steps²
 * @throws {INVALID_INPUT} when the part is of another query or the length is wrong.
 */
export function concludeMeasures(
  part: PartSpec,
  integers: Int32Array,
  context: QueryContext,
  noiseVarianceSteps: number,
): readonly MeasureFigures[] {
  const slot = part.query;
  if (!isMeasuresSlot(slot) || integers.length !== part.dimension) {
    throw new SottoError(
      'INVALID_INPUT',
      `release of measures: ${slot} part of ${part.dimension} coordinates, got ${integers.length}`,
    );
  }
  const stepStd = Math.sqrt(noiseVarianceSteps);
  const { minimumUnits, surveyMinimumUnits = minimumUnits } = context;
  const told = slot === 'survey' ? { ...context, minimumUnits: surveyMinimumUnits } : context;
  return placed(context, slot).map(({ settings, weights, weight, from, layout }) => {
    // What truncation makes of a one: dividing by it leaves no bias where counts are whole.
    const steps = weights.map((one) => Math.trunc(one / part.gridStep));
    const sums = steps.map((one, index) => integers[from + index]! / one);
    const noiseStd = (stepStd * part.gridStep) / weight;
    return { settings, noiseStd, report: conclusionOf(settings)(told, settings, measureSums(layout, sums, noiseStd)) };
  });
}

/** Sums with their segments by name. */
export function measureSums(layout: readonly MeasureSegment[], sums: Float64Array, noiseStd: number): MeasureSums {
  const offsets = layoutOffsets(layout);
  const known = (name: string): MeasureSegment => {
    const found = layout.find((segment) => segment.name === name);
    if (found === undefined) throw new SottoError('INTERNAL', `measure: no segment ${name}`);
    return found;
  };
  return {
    sums,
    noiseStd,
    segment(name) {
      const offset = offsets.get(name) ?? 0;
      return sums.subarray(offset, offset + known(name).length);
    },
    noiseStdOf: (name) => noiseStd / (known(name).weight ?? 1),
  };
}

/**
 * Grid steps that a one comes to in the vector of a slot, of each measure in the plan's order; of its least segment where those weigh
 * differently. The door truncates every number to whole steps, so of few of them it keeps little.
 */
export function stepsOfOne(context: QueryContext, slot: MeasuresSlot): readonly number[] {
  const all = placed(context, slot);
  const { gridStep } = gridFor(
    1,
    all.reduce((sum, { layout }) => sum + layoutLength(layout), 0),
  );
  return all.map(({ weights }) => Math.trunc(weights.reduce((least, weight) => Math.min(least, weight)) / gridStep));
}

/** Whether a slot's query is a list of measures. */
export function isMeasuresSlot(name: string): name is MeasuresSlot {
  return name === 'survey' || name === 'trainReport' || name === 'report';
}

type Placed = {
  readonly measure: Measure;
  readonly settings: MeasureSettings;
  /** Of the measure, and of each of its coordinates. */
  readonly weight: number;
  readonly weights: Float64Array;
  readonly from: number;
  readonly layout: readonly MeasureSegment[];
};

function placed(context: QueryContext, name: MeasuresSlot): readonly Placed[] {
  const list = context.measures[name].map((settings) => {
    const measure = measureOf(settings);
    return { settings, measure, layout: measure.layout(context, settings) };
  });
  const total = list.reduce((sum, { settings }) => sum + settings.share, 0);
  const length = list.reduce((sum, { layout }) => sum + layoutLength(layout), 0);
  // The grid's bound is a whole number of steps, a little below 1: a vector of norm 1 would be scaled, and counts would not stay whole.
  const { gridStep, normBoundSteps } = gridFor(1, length);
  const bound = belowTheBound * gridStep * normBoundSteps;
  let from = 0;
  return list.map(({ settings, measure, layout }) => {
    const weight = (bound * Math.sqrt(settings.share / total)) / measure.normL2(context, settings);
    const weights = Float64Array.from(
      layout.flatMap((segment) => {
        return Array.from({ length: segment.length }, () => weight * (segment.weight ?? 1));
      }),
    );
    const place = { measure, settings, weight, weights, from, layout };
    from += layoutLength(layout);
    return place;
  });
}

function measuresLayout(context: QueryContext, name: MeasuresSlot): readonly Segment[] {
  return placed(context, name).flatMap(({ settings, layout }) =>
    layout.map((segment) => ({ name: `${settings.kind}/${segment.name}`, length: segment.length })),
  );
}

async function differentiableOf(context: QueryContext, weights: Float32Array): Promise<DifferentiableModel> {
  const model = referenceModel(context.topology, context.inputs, context.loss);
  await model.setWeights(weights);
  return model;
}

function unitsOfRows(rowOffsets: Uint32Array, rows: number): Uint32Array {
  const units = new Uint32Array(rows);
  for (let unit = 0; unit + 1 < rowOffsets.length; unit++) units.fill(unit, rowOffsets[unit], rowOffsets[unit + 1]);
  return units;
}
