import { planSlots } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { ledgerEpsilonWith, openLedger, replayLedger, type LedgerOpening } from '@sotto/shared/privacy';
import { expect, it } from 'vitest';
import { noFaults } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

const scenario: Scenario = {
  seed: 'budget',
  clients: 3,
  plan: { rounds: 3, evaluateEvery: null, spareAttempts: 1 },
  liars: new Map(),
};

const { opening } = openLedger({ epsilon: 8, delta: 1e-5 });

/** A budget that so many sessions of the scenario use up. */
function budgetOf(sessions: number): LedgerOpening {
  const [training] = planSlots(examplePlan({ clients: 3, ...scenario.plan }));
  const epsilon = ledgerEpsilonWith(replayLedger(opening, []), [{ event: training!.event!, count: sessions }]);
  return { ...opening, epsilon: epsilon * (1 + 1e-9) };
}

it('a session that would pass the federation’s budget is not opened; status and every node say why', async () => {
  let commits = 0;
  const result = await runScenario(scenario, {
    faults: noFaults,
    lingerMs: 1_000,
    // The operator stops the coordinator after the first release (submission, opening, charge, release) and lowers the budget.
    crashAt: ({ process, at, side }) =>
      process === 'coordinator' && at === 'store.commit' && side === 'after' && ++commits === 4,
    budget: (restarts) => (restarts === 0 ? opening : budgetOf(1)),
  });
  expect(result).toMatchObject({ violations: [], releasesChecked: 1, coordinatorCrashes: 1 });
  const { state, reason } = result.status;
  expect(state).toBe('stopped');
  expect(reason).toMatch(/^BUDGET_EXCEEDED: This round would raise epsilon to \d+\.\d+, budget \d+\.\d+$/);
  expect(await result.store.charges(result.runId)).toHaveLength(1);
  expect(result.notices.size).toBe(3);
  for (const notices of result.notices.values()) {
    expect(notices).toContainEqual(expect.objectContaining({ type: 'runEnded', outcome: 'stopped', reason }));
  }
});

it('the sessions of a round’s groups are held and charged once, for a client is in one of them', async () => {
  let commits = 0;
  const result = await runScenario(
    { ...scenario, clients: 6, plan: { ...scenario.plan, trust: 'grouped', groups: { size: 3 } } },
    {
      faults: noFaults,
      // After the first release: submission, opening, charge, two groups, release.
      crashAt: ({ process, at, side }) =>
        process === 'coordinator' && at === 'store.commit' && side === 'after' && ++commits === 6,
      budget: (restarts) => (restarts === 0 ? opening : budgetOf(2)),
    },
  );
  expect(result).toMatchObject({ violations: [], releasesChecked: 4, coordinatorCrashes: 1 });
  expect(result.status.reason).toMatch(/^BUDGET_EXCEEDED/);
  expect(await result.store.charges(result.runId)).toHaveLength(2);
});

it('a budget that holds the plan changes nothing', async () => {
  const result = await runScenario(scenario, { faults: noFaults, budget: () => opening });
  expect(result).toMatchObject({ violations: [], status: { state: 'finished' }, releasesChecked: 3 });
});
