import { checkPlan, type PlanInput } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import { noFaults } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

const measures = [{ kind: 'membership' as const, bins: 4 }];

const asked = (noiseMultiplier: number | undefined) => {
  const noise = noiseMultiplier === undefined ? {} : { noiseMultiplier };
  return {
    split: { validation: 0.3, test: 0.2 },
    survey: { measures, ...noise },
    evaluation: { every: 1, part: 'validation', detail: 'accuracy', lossMax: 4, ...noise, fit: { ...noise } },
    report: { measures, ...noise, train: { measures, ...noise } },
  } satisfies Partial<PlanInput>;
};

const scenario = (seed: string, plan: Scenario['plan']): Scenario => ({ seed, clients: 6, plan, liars: new Map() });

/** A run of six clients of which two train nothing. */
function run({ seed, clients, plan, liars }: Scenario, faults = noFaults) {
  return runScenario(
    { seed, clients, plan, liars },
    {
      faults,
      plan: (roster, authority) => {
        const heldOut = roster
          .filter(({ name }) => name === 'client 1' || name === 'client 4')
          .map(({ client }) => client)
          .toSorted();
        return examplePlan({ ...plan, roster, authority, overrides: { ...plan.overrides, heldOut } });
      },
    },
  );
}

describe('a run with clients that are held out', () => {
  it.each(['record', 'client'] as const)('keeps all books straight, whatever dies (unit %s)', async (unit) => {
    const plan = { rounds: 2, unit, spareAttempts: 6, minSurvivors: 5, overrides: asked(16) };
    const rough = { ...noFaults, delayMaxMs: 300, requestLost: 0.1, clientCrashes: 0.003, coordinatorCrashes: 0.003 };
    const result = await run(scenario(`held out ${unit}`, plan), rough);
    expect(checkPlan(result.plan).problems).toEqual([]);
    expect(result.violations).toEqual([]);
    expect(result.status.state).toBe('finished');
    const last = result.status.evaluations.at(-1);
    expect(last?.fit).toBeDefined();
    expect(last?.unseen).toBeDefined();
  });

  it('shows how the model does on three kinds of unit, and counts each unit once', async () => {
    const plan = { trust: 'trusted', privacy: 'none', rounds: 2, overrides: asked(undefined) } as const;
    const result = await run(scenario('held out, counted', plan));
    expect(result.violations).toEqual([]);
    const [first] = result.status.evaluations;
    // Every client has eight units in its training part and the same eight in its validation part.
    expect(first?.fit?.units).toBe(4 * 8);
    expect(first?.units).toBe(4 * 8);
    expect(first?.unseen?.units).toBe(2 * 16);
    expect(first?.unseen?.accuracy).not.toBeNull();
  });

  it('averages updates over those that train', async () => {
    const plan = { trust: 'trusted', privacy: 'none', unit: 'client', rounds: 1, evaluateEvery: 1 } as const;
    const held = await run(scenario('held out, mean', plan));
    const alone = await runScenario({ ...scenario('held out, mean', plan), clients: 6 }, { faults: noFaults });
    const norms = [held, alone].map(({ status }) => status.recentRounds[0]!.releaseNorm!);
    // Four of six train: the mean of four updates is not two thirds of it.
    expect(norms[0]! / norms[1]!).toBeGreaterThan(0.9);
  });
});
