import { planHashOf, planSlots, sessionHeaderFor, type Plan } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { ledgerEpsilonWith, openLedger, replayLedger, type LedgerOpening } from '@sotto/shared/privacy';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../store/memory-store.ts';
import { createFederation } from '../testing/federation.ts';
import { openFederationBooks } from './federation-books.ts';

const plan = examplePlan({ rounds: 4, evaluateEvery: null, spareAttempts: 1 });
const planHash = planHashOf(plan);
const event = planSlots(plan)[0]!.event!;

/** A budget that holds exactly so many of the plan's sessions, and not one more. */
function budgetFor(sessions: number): LedgerOpening {
  const { opening } = openLedger({ epsilon: 8, delta: 1e-5 });
  const empty = replayLedger(opening, []);
  return { ...opening, epsilon: ledgerEpsilonWith(empty, [{ event, count: sessions }]) * (1 + 1e-9) };
}

function header(of: Plan, round: number, attempt = round) {
  return sessionHeaderFor(of, {
    planHash: planHashOf(of),
    runId: 'ab'.repeat(16),
    round,
    attempt,
    modelHash: 'cd'.repeat(32),
  });
}

const charge = (round: number) => ({
  planHash,
  runId: 'ab'.repeat(16),
  round,
  slot: 'training' as const,
  attempt: round,
  event,
  chargedAt: 0,
});

describe('the federation’s books', () => {
  it('hold a session from its opening on, free what it did not charge, and keep what it did', async () => {
    const books = await openFederationBooks(createMemoryStore(), budgetFor(2));
    const other = examplePlan({ rounds: 4, evaluateEvery: null, spareAttempts: 1, overrides: { name: 'another' } });
    expect(books.hold(plan, header(plan, 1), false)).toBeNull();
    expect(books.hold(other, header(other, 1), false)).toBeNull();
    // Both places are held; a third session would pass the budget, whoever asks.
    const third = examplePlan({ rounds: 4, evaluateEvery: null, spareAttempts: 1, overrides: { name: 'a third' } });
    expect(books.hold(third, header(third, 1), false)?.message).toMatch(
      /^This round would raise epsilon to \d\.\d+, budget /,
    );
    books.free(planHashOf(other));
    expect(books.hold(third, header(third, 1), false)).toBeNull();
    books.charge([charge(1)]);
    books.free(planHashOf(plan));
    expect(books.epsilon()).toBeGreaterThan(0);
    expect(books.hold(plan, header(plan, 2), false)?.code).toBe('BUDGET_EXCEEDED');
  });

  it('take a run only if all of it fits beside what the open runs may still charge', async () => {
    const books = await openFederationBooks(createMemoryStore(), budgetFor(9));
    const other = examplePlan({ rounds: 4, evaluateEvery: null, spareAttempts: 1, overrides: { name: 'another' } });
    const asked = { planHash, plan };
    expect(() => books.requireRoom(asked, [])).not.toThrow();
    expect(() => books.requireRoom(asked, [{ planHash: planHashOf(other), plan: other }])).toThrow(
      /this run would raise epsilon to \d\.\d+, the federation's budget is \d/,
    );
    const bare = examplePlan({ privacy: 'none' });
    expect(() => books.requireRoom({ planHash: planHashOf(bare), plan: bare }, [])).toThrow(/epsilon infinite/);
  });
});

describe('a run under the federation’s budget', () => {
  it('is refused at submission when all of it does not fit', async () => {
    const federation = await createFederation(plan, { budget: budgetFor(4) });
    await expect(federation.driver().submit(federation.signedPlan)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(await federation.store.runs()).toEqual([]);
  });

  it('is stopped before a session that would pass it, with the sentence in its status and nothing charged', async () => {
    const store = createMemoryStore();
    const first = await createFederation(plan, { store, budget: budgetFor(5) });
    for (const client of first.clients) first.connect(client);
    const { runId } = await first.driver().submit(first.signedPlan);
    expect(await first.until(() => first.driver().status(runId).round === 3)).toBe(true);
    await first.driver().close();
    // The operator lowered the budget to what is spent, and started the coordinator again.
    const spent = (await store.charges(runId)).length;
    const second = await createFederation(plan, {
      store,
      blobs: first.blobs,
      budget: budgetFor(spent),
      seed: 'second',
    });
    await second.driver().start();
    for (const client of second.clients) second.connect(client);
    expect(await second.until(() => second.driver().status(runId).endedAt !== null)).toBe(true);
    const { state, reason } = second.driver().status(runId);
    expect(state).toBe('stopped');
    expect(reason).toMatch(/^BUDGET_EXCEEDED: This round would raise epsilon to \d\.\d+, budget \d/);
    expect(await store.charges(runId)).toHaveLength(spent);
    await second.until(() => false, 100);
    // Every node learns the reason, and shows it on its screen.
    expect(second.clients[0]?.messages.at(-1)).toMatchObject({ type: 'runEnded', outcome: 'stopped', reason });
  });

  it('says "This round would raise epsilon to 8.13, budget 8" word for word', async () => {
    const { opening } = openLedger({ epsilon: 8, delta: 1e-5 });
    const empty = replayLedger(opening, []);
    // The noise at which one session comes to just that.
    let [low, high] = [0.1, 10];
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2;
      const at = { ...event, samplingNumerator: 2 ** 32, noiseMultiplier: middle };
      if (ledgerEpsilonWith(empty, [{ event: at, count: 1 }]) > 8.125) low = middle;
      else high = middle;
    }
    const loud = examplePlan({
      evaluateEvery: null,
      noise: { training: high },
      overrides: {
        training: {
          ...plan.training,
          query: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.5, expectedBatch: 100 },
          noiseMultiplier: high,
        },
      },
    });
    const books = await openFederationBooks(createMemoryStore(), opening);
    expect(books.hold(loud, header(loud, 1), false)?.message).toBe('This round would raise epsilon to 8.13, budget 8');
  });

  it('charges are durable before a release can be read, and are found again after a restart', async () => {
    const federation = await createFederation(plan, { budget: budgetFor(5) });
    const order: string[] = [];
    const { commit } = federation.store;
    federation.store.commit = async (what) => {
      if (what.charges !== undefined) order.push('charge');
      if (what.release !== undefined) order.push('release');
      await commit(what);
    };
    for (const client of federation.clients) federation.connect(client);
    const { runId } = await federation.driver().submit(federation.signedPlan);
    expect(await federation.until(() => federation.driver().status(runId).endedAt !== null)).toBe(true);
    expect(order).toEqual(Array.from({ length: 4 }, () => ['charge', 'release']).flat());
    const again = await openFederationBooks(federation.store, budgetFor(5));
    const four = ledgerEpsilonWith(replayLedger(budgetFor(5), []), [{ event, count: 4 }]);
    expect(again.epsilon()).toBeCloseTo(four, 9);
  });
});
