import { completePlan, planHashOf, sessionHeaderFor } from '@sotto/shared/plan';
import { isSottoError } from '@sotto/shared/errors';
import { describe, expect, it } from 'vitest';
import { openClientBooks } from './client-books.ts';
import { createMemoryLedger } from './ledger-store.ts';

const plan = completePlan({
  version: 1,
  name: 'test',
  purpose: 'test',
  authority: 'aa'.repeat(32),
  roster: {
    kind: 'pinned',
    clients: [1, 2, 3, 4].map((n) => ({ client: `0${n}`.repeat(20), name: `c${n}`, identity: `0${n}`.repeat(32) })),
  },
  schema: {
    name: 's',
    unitId: null,
    columns: [{ kind: 'number', name: 'x', min: 0, max: 1, centre: 0, scale: 1 }],
    target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
  },
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  loss: 'binaryCrossEntropy',
  initialWeights: { generator: 'glorot-uniform-v1', seed: 'ab'.repeat(32) },
  unit: 'record',
  adjacency: 'addOrRemove',
  split: { validation: 0, test: 0 },
  cohort: { minSurvivors: 4, colluding: 1 },
  privacy: { kind: 'dp', delta: 1e-5, epsilon: 3 },
  training: {
    query: { kind: 'gradient', samplingNumerator: 4_294_967_296, clipNormL2: 1, expectedBatch: 10 },
    strategy: { kind: 'fedSgd', learningRate: 1 },
    rounds: 3,
  },
});
const planHash = planHashOf(plan);
const header = (round: number, attempt: number) =>
  sessionHeaderFor(plan, { planHash, runId: 'cd'.repeat(16), round, attempt, modelHash: '11'.repeat(32) });
const caught = (work: Promise<unknown>) => work.catch((error: unknown) => error);

describe('openClientBooks', () => {
  it('A12: charges an attempt once, and a reopened store goes on where it was', async () => {
    const store = createMemoryLedger();
    const budget = { epsilon: 10, delta: 1e-5 };
    const books = await openClientBooks(store, budget);
    await books.openAttempt(plan, header(1, 1));
    const charged = await books.charge(plan, header(1, 1));
    expect(charged.epsilonBudget).toBe(10);
    expect(isSottoError(await caught(books.charge(plan, header(1, 1))), 'ATTEMPT_STALE')).toBe(true);
    const again = await openClientBooks(store, budget);
    expect(again.epsilon()).toBe(charged.epsilonAfter);
    expect(isSottoError(await caught(again.openAttempt(plan, header(1, 1))), 'ATTEMPT_STALE')).toBe(true);
    await again.openAttempt(plan, header(1, 2));
    expect((await again.charge(plan, header(1, 2))).epsilonAfter).toBeGreaterThan(charged.epsilonAfter ?? 0);
  });

  it('refuses before the first message what the budget does not hold, and marks and books nothing', async () => {
    const store = createMemoryLedger();
    const books = await openClientBooks(store, { epsilon: 0.2, delta: 1e-5 });
    expect(isSottoError(await caught(books.openAttempt(plan, header(1, 1))), 'BUDGET_EXCEEDED')).toBe(true);
    expect(await store.load()).toMatchObject({ charges: [], marks: new Map() });
  });

  it("allows no more sessions than the signed plan's, whatever the budget and the coordinator's numbering say", async () => {
    const books = await openClientBooks(createMemoryLedger(), { epsilon: 1e3, delta: 1e-5 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await books.openAttempt(plan, header(1, attempt));
      await books.charge(plan, header(1, attempt));
    }
    const failure = await caught(books.openAttempt(plan, header(2, 4)));
    expect(isSottoError(failure, 'BUDGET_EXCEEDED')).toBe(true);
    expect(String(failure)).toContain('allows 3 sessions');
  });

  it('of a client that is held out set aside what evaluates it, in every part, and nothing that trains', async () => {
    const [first] = plan.roster.clients;
    const away = completePlan({
      ...plan,
      heldOut: [first!.client],
      split: { validation: 0.2, test: 0 },
      privacy: { kind: 'dp', delta: 1e-5, epsilon: 3, evaluationEpsilon: 0.5 },
      evaluation: { every: 2, part: 'validation', detail: 'accuracy', lossMax: 4 },
    });
    const hash = planHashOf(away);
    const budget = { epsilon: 0.6, delta: 1e-5 };
    const trains = await openClientBooks(createMemoryLedger(), budget, away.roster.clients[1]!.client);
    expect(() => trains.reserve(hash, away)).toThrow(/budget\.epsilon/);
    const books = await openClientBooks(createMemoryLedger(), budget, first!.client);
    books.reserve(hash, away);
    const facts = { planHash: hash, runId: 'cd'.repeat(16), modelHash: '11'.repeat(32) };
    const training = sessionHeaderFor(away, { ...facts, round: 1, attempt: 1 });
    await books.openAttempt(away, training);
    expect(await books.charge(away, training)).toMatchObject({ epsilonAfter: 0 });
    const both = sessionHeaderFor(away, { ...facts, round: 3, attempt: 2 });
    expect(both.slots).toEqual(['training', 'evaluation']);
    await books.openAttempt(away, both);
    expect((await books.charge(away, both)).epsilonAfter).toBeGreaterThan(0);
    expect(books.charges().map(({ slot, event }) => [slot, event.part])).toEqual([['evaluation', 'all']]);
    // A later plan in which the client trains finds it in the account of its training part.
    expect(Object.keys(books.ledger().spentRdp)).toEqual(expect.arrayContaining(['train', 'validation', 'test']));
  });

  it('counts a charge whose disk failed, and lets nothing through with it', async () => {
    const store = createMemoryLedger();
    const books = await openClientBooks(
      {
        ...store,
        commit: (charges, mark) => (charges.length > 0 ? Promise.reject(new Error('full')) : store.commit([], mark)),
      },
      { epsilon: 10, delta: 1e-5 },
    );
    await books.openAttempt(plan, header(1, 1));
    expect(String(await caught(books.charge(plan, header(1, 1))))).toContain('full');
    expect(books.epsilon()).toBeGreaterThan(0);
  });

  it('sets the whole of an accepted plan aside, so that two plans do not leave each other half-way', async () => {
    // Two plans at ε 3 read 4.9 together: 4 holds one of them.
    const books = await openClientBooks(createMemoryLedger(), { epsilon: 4, delta: 1e-5 });
    const other = { ...plan, name: 'another' };
    books.reserve(planHash, plan);
    books.reserve(planHash, plan);
    const refused = () => books.reserve(planHashOf(other), other);
    expect(refused).toThrow(
      /^budget\.epsilon: this run would raise epsilon to 4\.\d\d, budget 4; 3\.\d\d is spent or promised/,
    );
    await books.openAttempt(plan, header(1, 1));
    await books.charge(plan, header(1, 1));
    expect(refused).toThrow(/budget\.epsilon/);
    // What a plan did not use is free again when its run has ended: one round and a whole plan fit.
    books.release(planHash);
    expect(books.epsilon()).toBeGreaterThan(0);
    books.reserve(planHashOf(other), other);
    expect(() => books.reserve(planHash, plan)).toThrow(/budget\.epsilon/);
  });

  it('takes every round of a plan that it has accepted', async () => {
    const books = await openClientBooks(createMemoryLedger(), { epsilon: 3.4, delta: 1e-5 });
    books.reserve(planHash, plan);
    for (let round = 1; round <= 3; round++) {
      await books.openAttempt(plan, header(round, round));
      await books.charge(plan, header(round, round));
      // Offered again after a restart: what is charged counts once.
      books.release(planHash);
      books.reserve(planHash, plan);
    }
    expect(books.epsilon()).toBeLessThanOrEqual(3.4);
  });

  it('counts uploads without differential privacy apart, durably, and no more of them than the plan has sessions', async () => {
    const bare = completePlan({
      ...plan,
      privacy: { kind: 'none' },
      training: { ...plan.training, noiseMultiplier: undefined },
    });
    const bareHash = planHashOf(bare);
    const bareHeader = (attempt: number) =>
      sessionHeaderFor(bare, {
        planHash: bareHash,
        runId: 'cd'.repeat(16),
        round: 1,
        attempt,
        modelHash: '11'.repeat(32),
      });
    const store = createMemoryLedger();
    const books = await openClientBooks(store, { epsilon: 10, delta: 1e-5 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await books.openAttempt(bare, bareHeader(attempt));
      await books.charge(bare, bareHeader(attempt));
    }
    const again = await openClientBooks(store, { epsilon: 10, delta: 1e-5 });
    for (const one of [books, again]) {
      expect(one.unprotectedUploads()).toBe(3);
      expect(isSottoError(await caught(one.openAttempt(bare, bareHeader(4))), 'BUDGET_EXCEEDED')).toBe(true);
    }
  });

  it('keeps a banded plan’s limit durably, whatever a coordinator asks, and charges nothing out of turn', async () => {
    const { noiseMultiplier: _, ...training } = plan.training;
    const banded = completePlan({
      ...plan,
      unit: 'client',
      privacy: { kind: 'dp', delta: 1e-5, epsilon: 3 },
      training: {
        ...training,
        query: {
          kind: 'update',
          clipNormL2: 1,
          localEpochs: 1,
          batchSize: 8,
          learningRate: 0.1,
          sampling: { kind: 'banded', bands: 2, maxParticipations: 1 },
        },
        strategy: { kind: 'fedAvg' },
      },
    });
    const hash = planHashOf(banded);
    const at = (round: number, attempt: number) =>
      sessionHeaderFor(banded, {
        planHash: hash,
        runId: 'cd'.repeat(16),
        round,
        attempt,
        modelHash: '11'.repeat(32),
      });
    const budget = { epsilon: 3.5, delta: 1e-5 };
    const store = createMemoryLedger();
    const first = banded.roster.clients[0]!.client;
    const books = await openClientBooks(store, budget, first);
    books.reserve(hash, banded);
    await books.openAttempt(banded, at(1, 1));
    const whole = await books.charge(banded, at(1, 1));
    expect(isSottoError(await caught(books.openAttempt(banded, at(1, 2))), 'BUDGET_EXCEEDED')).toBe(true);
    const again = await openClientBooks(store, budget, first);
    expect(isSottoError(await caught(again.openAttempt(banded, at(1, 3))), 'BUDGET_EXCEEDED')).toBe(true);
    await again.openAttempt(banded, at(2, 4));
    const half = await again.charge(banded, at(2, 4));
    expect(half.epsilonAfter).toBeGreaterThan(whole.epsilonAfter!);
    // Its turn is over: the third round costs it nothing, and the attempt is marked all the same.
    await again.openAttempt(banded, at(3, 5));
    expect(await again.charge(banded, at(3, 5))).toEqual({ epsilonAfter: half.epsilonAfter, epsilonBudget: 3.5 });
    expect(again.charges().map(({ round }) => round)).toEqual([1, 2]);
    expect(again.marks.get(hash)).toBe(5);
    expect(isSottoError(await caught(again.openAttempt(banded, at(2, 6))), 'BUDGET_EXCEEDED')).toBe(true);
  });

  it('keeps the first split and refuses plans with another', async () => {
    const store = createMemoryLedger();
    const books = await openClientBooks(store, { epsilon: 10, delta: 1e-5 });
    await books.pinSplit({ validation: 0.2, test: 0 }, null);
    await books.pinSplit({ validation: 0.2, test: 0 }, null);
    const again = await openClientBooks(store, { epsilon: 10, delta: 1e-5 });
    expect(isSottoError(await caught(again.pinSplit({ validation: 0, test: 0 }, null)), 'PLAN_REFUSED')).toBe(true);
    // Failure: other ids deal the units into other parts, and what a part has spent is counted for other units.
    const moved = await caught(again.pinSplit({ validation: 0.2, test: 0 }, 'patient'));
    expect(moved).toMatchObject({ code: 'PLAN_REFUSED', message: expect.stringMatching(/by row,.*by column patient/) });
  });
});
