import { accuracyOf, aucOf, wilsonInterval } from '@sotto/shared/metrics';
import { referenceModel, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, outputWidth, type Plan } from '@sotto/shared/plan';

/** How a model does on the client's own held-back rows. Printed there, never sent. */
export type LocalScore = {
  readonly rows: number;
  /** Null for a regression or without rows. */
  readonly accuracy: number | null;
  /** 95 % Wilson interval of the accuracy. */
  readonly accuracyInterval: { readonly low: number; readonly high: number } | null;
  /** Binary targets with rows of both classes only. */
  readonly auc: number | null;
  /** Regression only, in the target's own unit. */
  readonly rootMeanSquaredError: number | null;
};

/**
 * Scores weights on rows.
 * @param weights - flat, in the order of the plan's layout.
 */
export async function scoreLocally(plan: Plan, weights: Float32Array, batch: UnitBatch): Promise<LocalScore> {
  const nothing = { rows: batch.rows, accuracy: null, accuracyInterval: null, auc: null, rootMeanSquaredError: null };
  if (batch.rows === 0) return nothing;
  const model = referenceModel(plan.topology, inputWidth(plan.schema), plan.loss);
  await model.setWeights(weights);
  const outputs = await model.predict(batch.inputs, batch.rows);
  const { target } = plan.schema;
  if (target.kind === 'number') {
    let squares = 0;
    for (let row = 0; row < batch.rows; row++) squares += (outputs[row]! - batch.targets[row]!) ** 2;
    return { ...nothing, rootMeanSquaredError: Math.sqrt(squares / batch.rows) * target.scale };
  }
  const accuracy = accuracyOf(outputs, batch.targets, outputWidth(target));
  const { low, high } = wilsonInterval(Math.round(accuracy * batch.rows), batch.rows);
  const auc = target.kind === 'binary' ? aucOf(outputs, batch.targets) : null;
  return { ...nothing, accuracy, accuracyInterval: { low, high }, auc };
}
