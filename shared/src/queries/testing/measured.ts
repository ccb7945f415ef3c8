import { referenceModel, type UnitBatch } from '../../model/index.ts';
import { gridFor, type PartSpec } from '../../privacy/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { contributeSession } from '../contribute-session.ts';
import type { MeasureReport } from '../measures/measure.ts';
import { measureSettingsSchema } from '../measures/measure-list.ts';
import { concludeMeasures, measuresQuery } from '../measures/measures-query.ts';
import type { QueryContext } from '../query.ts';

/** A context whose report asks for one measure, its settings as a plan states them. */
export function asking(context: QueryContext, settings: object): QueryContext {
  const report = [measureSettingsSchema.parse(settings)];
  return { ...context, measures: { survey: [], trainReport: [], report } };
}

/** Single rows as units. */
export function unitsOf(inputs: ArrayLike<number>, targets: ArrayLike<number>): UnitBatch {
  const rows = targets.length;
  return {
    units: rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
    rows,
    inputs: Float32Array.from(inputs),
    features: inputs.length / rows,
    targets: Float32Array.from(targets),
  };
}

/**
 * What the report of a context says: each client's rows through the door, without noise, summed and concluded.
 * @param noiseVarianceSteps - that the conclusion is told of.
 */
export async function measured(
  context: QueryContext,
  weights: Float32Array,
  clients: readonly UnitBatch[],
  noiseVarianceSteps = 0,
): Promise<MeasureReport> {
  const dimension = layoutLength(measuresQuery('report').layout(context));
  const part: PartSpec = {
    slot: 'report',
    query: 'report',
    dataPart: 'test',
    dimension,
    clipNormL2: 1,
    ...gridFor(1, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: 2 ** 32,
  };
  const sum = new Int32Array(dimension);
  for (const [index, batch] of clients.entries()) {
    const given = await contributeSession({
      context,
      parts: [part],
      unitsOf: () => batch,
      model: referenceModel(context.topology, context.inputs, context.loss),
      weights,
      random: createSeededRandom(`client ${index}`),
      allowInsecureRandom: true,
    });
    given.forEach((value, at) => (sum[at]! += value));
  }
  return concludeMeasures(part, sum, context, noiseVarianceSteps)[0]!.report;
}

/** Values of a report's figures by name; null of those that are withheld. */
export function valuesOf({ figures }: MeasureReport): Readonly<Record<string, number | null>> {
  return Object.fromEntries(figures.map(({ name, figure }) => [name, figure?.value ?? null]));
}
