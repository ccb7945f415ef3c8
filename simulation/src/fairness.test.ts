import { measuresOfRun } from '@sotto/coordinator/runs';
import { sha256 } from '@sotto/shared/crypto';
import { predictedClass } from '@sotto/shared/metrics';
import { initialWeights, referenceModel, weightsFromBytes, weightsToBytes, type UnitBatch } from '@sotto/shared/model';
import { checkPlan, inputColumns, inputWidth, type PlanInput } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { groupingBy, type ClientFigures, type FairnessFigures, type GroupLabelFigures } from '@sotto/shared/queries';
import { toHex } from '@sotto/shared/vector';
import { expect, it } from 'vitest';
import { simulate } from './federation.ts';
import { noiseData } from './simulated-data.ts';

const byAge = { name: 'age', columns: [{ column: 'age', cuts: [50, 58] }] };
const asked = {
  split: { validation: 0.2, test: 0 },
  survey: { measures: [{ kind: 'groupLabels', attributes: [byAge] }] },
  report: {
    part: 'validation',
    minimumUnits: 1,
    measures: [{ kind: 'fairness', attributes: [byAge], bins: 10 }, { kind: 'clients' }],
  },
} as const satisfies Partial<PlanInput>;

async function ran(training: object) {
  const { schema, training: query } = examplePlan({ rounds: 3 });
  const data = Array.from({ length: 4 }, (_, client) => noiseData(schema, 10 + 5 * client, `fairness ${client}`));
  const result = await simulate({
    seed: 'fairness',
    clients: data.map((own, client) => ({ name: `client ${client}`, data: own })),
    plan: (roster, authority) =>
      examplePlan({
        roster,
        authority,
        privacy: 'none',
        evaluateEvery: null,
        rounds: 3,
        overrides: { ...asked, suite: 'x25519', training: { ...query, ...training, noiseMultiplier: undefined } },
      }),
  });
  expect(result.violations).toEqual([]);
  expect(result.status).toMatchObject({ state: 'finished', reason: null });
  expect(checkPlan(result.plan).problems).toEqual([]);
  const { plan } = result;
  const bytes = await result.blobs.get(result.status.modelHash);
  const model = referenceModel(plan.topology, inputWidth(schema), plan.loss);
  await model.setWeights(weightsFromBytes(bytes!));
  const record = await result.store.run(result.runId);
  const measures = await measuresOfRun(result.store, result.blobs, record!);
  const rowsOf = (own: (typeof data)[number]) => own.unitsOf('validation', plan.split) as UnitBatch;
  const reportOf = <Figures>(slot: string, kind: string): Figures => {
    const found = measures.find((one) => one.slot === slot)?.measures.find(({ settings }) => settings.kind === kind);
    return found!.report as unknown as Figures;
  };
  return {
    plan,
    model,
    modelHash: result.status.modelHash,
    batches: plan.roster.clients.map(({ name }) => rowsOf(data[Number(name.slice(7))]!)),
    reportOf,
  };
}

/** Made once: both tests look at it. */
let plainRun: ReturnType<typeof ran> | null = null;
const ranPlain = () => (plainRun ??= ran({}));

it('counts over the secure sum, without noise, are those of all rows in one place', async () => {
  const { plan, model, batches, reportOf } = await ranPlain();
  const { names, groupOf } = groupingBy(inputColumns(plan.schema), byAge.columns);
  const pooled = names.map((group) => ({ group, counts: { tp: 0, fp: 0, fn: 0, tn: 0 }, labels: [0, 0] }));
  const byClient: [number, number][] = [];
  for (const batch of batches) {
    const outputs = await model.predict(batch.inputs, batch.rows);
    const own: [number, number] = [0, 0];
    for (let row = 0; row < batch.rows; row++) {
      const { counts, labels } = pooled[groupOf(batch.inputs, row * batch.features)]!;
      const [truth, predicted] = [batch.targets[row]!, predictedClass(outputs, row, 1)];
      counts[truth === 1 ? (predicted === 1 ? 'tp' : 'fn') : predicted === 1 ? 'fp' : 'tn'] += 1;
      labels[truth]! += 1;
      own[truth === predicted ? 1 : 0] += 1;
    }
    byClient.push(own);
  }
  const fairness = reportOf<FairnessFigures>('report', 'fairness');
  const [attribute] = fairness.attributes;
  expect(attribute!.groups.map(({ group, counts }) => ({ group, counts }))).toEqual(
    pooled.map(({ group, counts }) => ({ group, counts })),
  );
  expect(fairness.units).toBe(10 + 15 + 20 + 25);
  const histograms = attribute!.groups.map(({ histogram }) => histogram!);
  expect(histograms.flatMap(({ positives, negatives }) => [...positives, ...negatives]).every(Number.isInteger)).toBe(
    true,
  );
  // Training and validation rows are the same in this federation.
  const labels = reportOf<GroupLabelFigures>('survey', 'groupLabels');
  expect(labels.attributes[0]!.groups.map((one) => one.labels.map(({ count }) => count))).toEqual(
    pooled.map((one) => one.labels),
  );
  const clients = reportOf<ClientFigures>('report', 'clients');
  expect(clients.clients.map(({ units }) => units)).toEqual(byClient.map(([wrong, right]) => wrong + right));
  clients.clients.forEach(({ accuracy }, client) => {
    const [wrong, right] = byClient[client]!;
    expect(accuracy.figure?.value).toBe(right / (wrong + right));
  });
});

it('weights of a plan reach every device: where all rows weigh 0, nothing is learned', async () => {
  const { plan, modelHash } = await ran({ weights: { cells: [{ weight: 0 }] } });
  const first = initialWeights(plan.topology, inputWidth(plan.schema), plan.initialWeights.seed);
  const untrained = toHex(sha256(weightsToBytes(first)));
  expect(modelHash).toBe(untrained);
  expect((await ranPlain()).modelHash).not.toBe(untrained);
});
