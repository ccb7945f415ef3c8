import { amountInputs, inputRanges, pgdStepSize, projectedGradient } from '../judging/index.ts';
import { referenceModel, type LocalTraining, type UnitBatch } from '../model/index.ts';
import type { QueryContext } from './query.ts';
import type { AdversarialTraining } from './training-query-schema.ts';

/**
 * Moves rows so that a model errs on them, within the plan's bound and the schema's public ranges: projected gradient descent from the
 * row itself, of numbers and pixels alone.
 *
 * Guarantees: a moved row follows from itself, its target, the model's weights and the plan, to the bit; which rows stand beside it is
 * nothing to it.
 */
export function perturbation(
  context: QueryContext,
  { norm, epsilon, steps, stepSize = pgdStepSize(epsilon, steps) }: AdversarialTraining,
): NonNullable<LocalTraining['adversarial']>['perturb'] {
  const limits = { norm, epsilon, range: inputRanges(context.columns), places: amountInputs(context.columns) };
  return (model, inputs, targets) =>
    Float32Array.from(
      projectedGradient(model, context.loss, Float64Array.from(inputs), targets, { ...limits, steps, stepSize }),
    );
}

/** A batch whose rows are moved against published weights; each unit keeps its own rows as well where the plan says so. */
export async function adversarialBatch(
  context: QueryContext,
  adversarial: AdversarialTraining,
  batch: UnitBatch,
  weights: Float32Array,
): Promise<UnitBatch> {
  const model = referenceModel(context.topology, context.inputs, context.loss);
  await model.setWeights(weights);
  const moved = perturbation(context, adversarial)(model, batch.inputs, batch.targets);
  return adversarial.clean ? doubled(batch, moved) : { ...batch, inputs: moved };
}

/** Each unit's rows followed by the same rows moved. */
function doubled({ units, rowOffsets, rows, inputs, features, targets }: UnitBatch, moved: Float32Array): UnitBatch {
  const both = new Float32Array(2 * inputs.length);
  const twice = new Float32Array(2 * rows);
  for (let unit = 0; unit < units; unit++) {
    const [first, end] = [rowOffsets[unit]!, rowOffsets[unit + 1]!];
    for (const [values, at] of [
      [inputs, 2 * first],
      [moved, first + end],
    ] as const) {
      both.set(values.subarray(first * features, end * features), at * features);
      twice.set(targets.subarray(first, end), at);
    }
  }
  return {
    units,
    rowOffsets: rowOffsets.map((offset) => 2 * offset),
    rows: 2 * rows,
    inputs: both,
    features,
    targets: twice,
  };
}
