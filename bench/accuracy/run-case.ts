import { fixedData, simulate } from '@sotto/simulation';
import { SottoError } from '@sotto/shared/errors';
import { accuracyOf, aucOf } from '@sotto/shared/metrics';
import { referenceModel, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, outputWidth, planSlots, type Plan } from '@sotto/shared/plan';
import type { AccuracyCase } from './cases.ts';
import { joinBatches, type BenchData } from './datasets.ts';

export type SeedResult = {
  readonly seed: number;
  readonly accuracy: number;
  readonly auc: number | null;
  /** Mean over clients of the accuracy on their own test rows. */
  readonly meanOfClients: number;
  readonly noiseMultiplier: number | null;
  readonly epsilon: number | null;
  readonly rounds: number;
  readonly seconds: number;
};

/**
 * One seed of one case through the product's own pipeline: signed plan, run and client machines, door, secure sum, strategy.
 * Only sockets and disks are simulated. The bench scores the released model on test rows that no client holds: the
 * experimenter's view, not a release.
 */
export async function runSeed(row: AccuracyCase, data: BenchData, seed: number): Promise<SeedResult> {
  const started = performance.now();
  const result = await simulate({
    seed: `${row.id}/${seed}`,
    clients: data.clients.map(({ name, train }) => ({ name, data: fixedData(data.schema, { train }) })),
    plan: (roster, authority) => row.plan(roster, authority, data.schema, seed),
    checkSums: false,
  });
  const { plan, status } = result;
  if (status.state !== 'finished' || status.round < plan.training.rounds) {
    throw new SottoError(
      'RUN_FAILED',
      `${row.id}, seed ${seed}: ${status.state} in round ${status.round}: ${status.reason ?? ''}`,
    );
  }
  const bytes = await result.blobs.get(status.modelHash);
  if (bytes === null) throw new SottoError('INTERNAL', 'the final model is not among the blobs');
  const weights = weightsFromBytes(bytes);
  const scores = await Promise.all(data.clients.map(async ({ test }) => scoreOn(plan, weights, test)));
  const whole = await scoreOn(plan, weights, joinBatches(data.clients.map(({ test }) => test)));
  const event = planSlots(plan)[0]?.event ?? null;
  return {
    seed,
    accuracy: whole.accuracy,
    auc: whole.auc,
    meanOfClients: scores.reduce((sum, { accuracy }) => sum + accuracy, 0) / scores.length,
    noiseMultiplier: event?.noiseMultiplier ?? null,
    epsilon: plan.privacy.kind === 'dp' ? plan.privacy.epsilon : null,
    rounds: plan.training.rounds,
    seconds: (performance.now() - started) / 1_000,
  };
}

async function scoreOn(
  plan: Plan,
  weights: Float32Array,
  test: UnitBatch,
): Promise<{ accuracy: number; auc: number | null }> {
  const model = referenceModel(plan.topology, inputWidth(plan.schema), plan.loss);
  await model.setWeights(weights);
  const outputs = await model.predict(test.inputs, test.rows);
  const width = outputWidth(plan.schema.target);
  return { accuracy: accuracyOf(outputs, test.targets, width), auc: width === 1 ? aucOf(outputs, test.targets) : null };
}
