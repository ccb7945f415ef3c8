import { replayRun } from '@sotto/coordinator/runs';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { initialWeights } from '@sotto/shared/model';
import { inputWidth } from '@sotto/shared/plan';
import { examplePlan, type ExamplePlanOptions } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import { noFaults, type FaultRates } from '../faults.ts';
import { simulate } from '../federation.ts';
import { noiseData } from '../simulated-data.ts';
import { WorkDesk } from './work-desk.ts';

/** 21,260 weights: enough to be dealt among threads. */
const wide = { data: 'digits', hidden: 282, rounds: 2, evaluateEvery: 1, spareAttempts: 2 } as const;

const rough: FaultRates = {
  ...noFaults,
  requestLost: 0.1,
  replyLost: 0.1,
  duplicated: 0.2,
  delayMaxMs: 1_000,
  trainingMaxMs: 20_000,
  clientCrashes: 0.003,
  clientReturns: 1,
};

async function runOn(threads: number, seed: string, options: ExamplePlanOptions, faults: FaultRates) {
  const { schema } = examplePlan(wide);
  const result = await simulate({
    seed,
    threads,
    clients: Array.from({ length: 4 }, (_, index) => ({
      name: `client ${index}`,
      data: noiseData(schema, 6, `${seed}/${index}`),
    })),
    plan: (roster, authority) => examplePlan({ ...wide, ...options, roster, authority }),
    liars: new Map([['client 1', { lie: 'wrongTag', times: options.trust === undefined ? 1 : 0 }]]),
    faults,
  });
  expect(result.violations).toEqual([]);
  expect(result.status.state).toBe('finished');
  const { store, runId, blobs, bytesUp, clientCrashes, releasesChecked, status } = result;
  expect(releasesChecked).toBeGreaterThan(1);
  expect((await replayRun(store, blobs, runId)).modelHash).toBe(status.modelHash);
  return {
    events: await store.events(runId),
    transcript: await store.transcript(runId),
    bytesUp,
    clientCrashes,
    status,
  };
}

const banded: ExamplePlanOptions = {
  unit: 'client',
  minSurvivors: 3,
  overrides: {
    suite: 'x25519',
    training: {
      query: {
        kind: 'update',
        clipNormL2: 1,
        localEpochs: 1,
        batchSize: 4,
        learningRate: 0.1,
        sampling: { kind: 'banded', bands: 2, maxParticipations: 2 },
      },
      strategy: { kind: 'fedAvg' },
      rounds: 4,
      paceMs: 20,
      noiseMultiplier: 16,
    },
  },
};

describe('a federation whose contributions are made on several threads', () => {
  it.each([
    ['records, in a rough world in which clients die', { minSurvivors: 3, overrides: { suite: 'x25519' } }, rough],
    ['clients in turn, who keep their updates', banded, noFaults],
    ['a trusted coordinator', { trust: 'trusted' }, noFaults],
  ] as const)('is the same as on one, event for event: %s', async (name, options, faults) => {
    const [one, two] = [await runOn(1, name, options, faults), await runOn(2, name, options, faults)];
    expect(two).toEqual(one);
    if (faults === rough) expect(one.clientCrashes).toBeGreaterThan(0);
  });
});

describe('the desk of two threads', () => {
  it('deals clients among them, hashes what a thread can see there, and gives all out in the order of asking', async () => {
    const plan = examplePlan(wide);
    const crypto = createNodeCrypto();
    const hashedHere: Uint8Array[] = [];
    const desk = new WorkDesk(plan, 2, { sha256: (bytes) => (hashedHere.push(bytes), crypto.sha256(bytes)) });
    const weights = initialWeights(plan.topology, inputWidth(plan.schema), '42'.repeat(32));
    const { unitsOf } = noiseData(plan.schema, 6, 'desk');
    const batch = await unitsOf('train', plan.split);
    const order: number[] = [];
    const asked = [0, 1, 2, 3].map((client) =>
      desk
        .contribute({
          life: client,
          client: `client ${client}`,
          seed: 'one for all',
          task: { slots: ['training'], round: 1, noise: null },
          weights,
          units: new Map([['train', batch]]),
        })
        .finally(() => order.push(client)),
    );
    await desk.work();
    const made = await Promise.all(asked);
    expect(order).toEqual([0, 1, 2, 3]);
    const shared = made.map(({ integers }) => integers.buffer instanceof SharedArrayBuffer);
    expect(shared).toEqual([false, true, false, true]);
    for (const { integers } of made) expect(integers).toEqual(made[0]!.integers);

    const vectors = made.map(({ integers: { buffer } }) => new Uint8Array(buffer));
    const hashes = vectors.map((vector) => desk.sha256(vector));
    await desk.work();
    expect(hashedHere).toEqual([vectors[0], vectors[2]]);
    for (const hash of await Promise.all(hashes)) expect(hash).toEqual(await crypto.sha256(vectors[0]!));
    await desk.close();
  });
});
