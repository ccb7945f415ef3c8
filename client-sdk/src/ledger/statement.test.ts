import { planHashOf, sessionHeaderFor } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import { openClientBooks } from './client-books.ts';
import { createMemoryLedger } from './ledger-store.ts';
import { statementOf } from './statement.ts';

const first = examplePlan({ rounds: 3, evaluateEvery: 1 });
const second = examplePlan({ rounds: 2, evaluateEvery: null, overrides: { name: 'another', split: first.split } });

it('adds up what each plan was charged, and says what its next round would cost', async () => {
  const books = await openClientBooks(createMemoryLedger(), { epsilon: 1.5, delta: 1e-5 });
  expect(statementOf(books.ledger())).toMatchObject({ unit: null, epsilonSpent: 0, epsilonLeft: 1.5, plans: [] });
  for (const [plan, rounds] of [
    [first, 3],
    [second, 1],
  ] as const) {
    for (let round = 1; round <= rounds; round++) {
      const header = sessionHeaderFor(plan, {
        planHash: planHashOf(plan),
        runId: 'ab'.repeat(16),
        round,
        attempt: round,
        modelHash: 'cd'.repeat(32),
      });
      await books.openAttempt(plan, header);
      await books.charge(plan, header);
    }
  }
  const { unit, order, epsilonSpent, epsilonLeft, plans } = statementOf(books.ledger());
  expect({ unit, order, epsilonSpent }).toEqual({
    unit: 'record',
    order: books.ledger().opening.order,
    epsilonSpent: books.epsilon(),
  });
  expect(epsilonLeft).toBeCloseTo(1.5 - books.epsilon(), 12);
  expect(plans.map(({ charged, firstRound, lastRound }) => ({ charged, firstRound, lastRound }))).toEqual([
    { charged: { training: 3, evaluation: 2 }, firstRound: 1, lastRound: 3 },
    { charged: { training: 1 }, firstRound: 1, lastRound: 1 },
  ]);
  for (const one of plans) {
    expect(one.epsilonAlone).toBeLessThanOrEqual(epsilonSpent);
    expect(one.epsilonAfterNext).toBeGreaterThan(epsilonSpent - 1e-12);
    expect(one.nextFits).toBe(one.epsilonAfterNext <= 1.5);
  }
});
