import { expect, it } from 'vitest';
import { noFaults } from './faults.ts';
import { runScenario } from './scenario.ts';

it('a round of 205 clients, who stand on a ring of neighbours, goes through coordinator and clients', async () => {
  const plan = {
    rounds: 1,
    evaluateEvery: null,
    unit: 'client',
    minSurvivors: 180,
    overrides: { suite: 'x25519' },
  } as const;
  const scenario = { seed: 'ring', clients: 205, plan, liars: new Map() };
  const { status, violations } = await runScenario(scenario, { faults: noFaults });
  expect(violations).toEqual([]);
  expect(status).toMatchObject({ state: 'finished', reason: null });
}, 600_000);
