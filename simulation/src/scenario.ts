import { examplePlan, type ExamplePlanOptions } from '@sotto/shared/plan/testing';
import { createSeededRandom, uniformBelow, type RandomSource } from '@sotto/shared/random';
import { thresholdFor } from '@sotto/shared/secure-sum';
import { randomRates } from './faults.ts';
import { simulate, type SimulationConfig, type SimulationResult } from './federation.ts';
import { lies, type LiarConfig } from './lies.ts';
import { noiseData } from './simulated-data.ts';

/** Times that a liar lies: after that it is honest, so that a run can come to its end. */
const liesMax = 3;

/** Virtual time after which a run that has not ended is wedged, in milliseconds. */
const limitMs = 86_400_000;

/** What one seed stands for. */
export type Scenario = {
  readonly seed: string;
  readonly clients: number;
  readonly plan: Omit<ExamplePlanOptions, 'roster' | 'authority' | 'clients'>;
  readonly liars: ReadonlyMap<string, LiarConfig>;
};

/** Draws a small federation from a seed: its size, plan and liars. How rough its world is, is drawn by `randomRates`. */
export function scenarioOf(seed: string): Scenario {
  const random = createSeededRandom(`scenario/${seed}`);
  const below = (n: number): number => uniformBelow(random, n);
  const oneOf = <T>(options: readonly [T, ...T[]]): T => options[below(options.length)] ?? options[0];
  const clients = 3 + below(5);
  const trust = below(5) === 0 ? 'trusted' : 'secure';
  const least = trust === 'secure' ? Math.max(3, thresholdFor(clients)) : 1;
  const plan: Scenario['plan'] = {
    trust,
    unit: below(5) === 0 ? 'client' : 'record',
    privacy: below(6) === 0 ? 'none' : 'dp',
    rounds: 2 + below(2),
    evaluateEvery: oneOf([null, 1, 2]),
    spareAttempts: below(5),
    minSurvivors: least + below(clients - least + 1),
    paceMs: oneOf([20, 1_000]),
  };
  const liars = new Map<string, LiarConfig>();
  if (below(2) === 0) liars.set(nameOf(below(clients)), { lie: oneOf(lies), times: 1 + below(liesMax) });
  return { seed, clients, plan: { ...plan, overrides: suiteDrawn(random) }, liars };
}

/** As {@link scenarioOf}, in `grouped` mode: two or three groups, of which a round may miss one. */
export function groupedScenarioOf(seed: string): Scenario {
  const random = createSeededRandom(`grouped scenario/${seed}`);
  const below = (n: number): number => uniformBelow(random, n);
  const size = 3 + below(2);
  const count = 2 + below(2);
  const clients = count * size + below(count);
  const liars = new Map<string, LiarConfig>();
  if (below(3) === 0) {
    liars.set(nameOf(below(clients)), { lie: lies[below(lies.length)]!, times: 1 + below(liesMax) });
  }
  return {
    seed,
    clients,
    plan: {
      trust: 'grouped',
      groups: below(2) === 0 ? { size } : { size, minGroups: count - 1 },
      unit: below(4) === 0 ? 'client' : 'record',
      privacy: below(6) === 0 ? 'none' : 'dp',
      rounds: 2 + below(2),
      evaluateEvery: below(2) === 0 ? null : 1,
      spareAttempts: 2 + below(4),
      paceMs: 20,
      overrides: suiteDrawn(random),
    },
    liars,
  };
}

/** The suites in turn: without ML-KEM a schedule takes a third of the time. */
function suiteDrawn(random: RandomSource): NonNullable<ExamplePlanOptions['overrides']> {
  return { suite: uniformBelow(random, 3) === 0 ? 'x25519+mlkem768' : 'x25519' };
}

/** Runs a scenario in the world that its seed draws, or in another one. */
export function runScenario(scenario: Scenario, world: Partial<SimulationConfig> = {}): Promise<SimulationResult> {
  const { seed, clients, plan, liars } = scenario;
  const { schema } = examplePlan();
  return simulate({
    seed,
    clients: Array.from({ length: clients }, (_, index) => ({
      name: nameOf(index),
      data: noiseData(schema, 8, `${seed}/${index}`),
    })),
    plan: (roster, authority) => examplePlan({ ...plan, roster, authority }),
    faults: randomRates(seed),
    liars,
    limitMs,
    ...world,
  });
}

function nameOf(index: number): string {
  return `client ${index}`;
}
