import { accuracyOf } from '@sotto/shared/metrics';
import { initialWeights, referenceModel, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, outputWidth, type Plan } from '@sotto/shared/plan';
import { createSeededRandom } from '@sotto/shared/random';

/** Local training of an owner who trains alone, without noise: generous, so that the comparison is fair. */
const alone = { epochs: 60, batchSize: 16, learningRate: 0.1, proximal: 0 } as const;

/**
 * Accuracy of one model per owner, each trained on that owner's rows alone, on everybody's test rows. Only a demonstration
 * can know this figure: it takes all owners' rows in one place.
 */
export async function accuracyAlone(plan: Plan, owners: readonly UnitBatch[], test: UnitBatch): Promise<number> {
  const width = inputWidth(plan.schema);
  let sum = 0;
  for (const [index, batch] of owners.entries()) {
    const model = referenceModel(plan.topology, width, plan.loss);
    await model.setWeights(initialWeights(plan.topology, width, plan.initialWeights.seed));
    const weights = await model.train(batch, alone, createSeededRandom(`alone/${index}`).bytes(32));
    sum += await accuracyWith(plan, weights, test);
    // The run's own processes have the machine's cores first.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return sum / owners.length;
}

/** Accuracy of weights on rows. */
export async function accuracyWith(plan: Plan, weights: Float32Array, test: UnitBatch): Promise<number> {
  const model = referenceModel(plan.topology, inputWidth(plan.schema), plan.loss);
  await model.setWeights(weights);
  return accuracyOf(await model.predict(test.inputs, test.rows), test.targets, outputWidth(plan.schema.target));
}
