import type { ClientModel } from '@sotto/client';
import { createJudgedModel, encodeRecords, predictRows, type Prediction } from '@sotto/client/judging';

/**
 * What a model says of one row, computed in this page.
 * @param row - texts by column name
 * @throws {DATA_INVALID} when the row does not fit the schema of the model's plan.
 */
export async function predictRow(
  { plan, weights }: ClientModel,
  row: Readonly<Record<string, string>>,
): Promise<Prediction> {
  const model = await createJudgedModel(plan, weights);
  const [prediction] = predictRows(model, encodeRecords(plan.schema, [row]));
  if (prediction === undefined) throw new RangeError('one row has one prediction');
  return prediction;
}
