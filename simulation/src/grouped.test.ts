import { runEventSchema, type RunEvent } from '@sotto/coordinator/runs';
import { describe, expect, it } from 'vitest';
import { noFaults, type CrashPoint } from './faults.ts';
import type { SimulationConfig, SimulationResult } from './federation.ts';
import { runScenario, type Scenario } from './scenario.ts';
import { runGroupedSchedule, scheduleLine, type ScheduleReport } from './schedules.ts';

const scenario: Scenario = {
  seed: 'three groups',
  clients: 10,
  plan: { trust: 'grouped', groups: { size: 3 }, rounds: 2, evaluateEvery: 1, spareAttempts: 3 },
  liars: new Map(),
};
const calm = { ...noFaults, delayMaxMs: 20 };
const world: Partial<SimulationConfig> = { faults: calm };

async function eventsOf({ store, runId }: SimulationResult): Promise<RunEvent[]> {
  return (await store.events(runId)).map((text) => runEventSchema.parse(JSON.parse(text)));
}

/** What the run's newest attempts came to, event by event. */
const typesOf = (events: readonly RunEvent[]): string => events.map(({ type }) => type).join(' ');

/** Kills these clients, by number, for good, the first time that they are asked to agree. */
function dying(...numbers: readonly number[]): Partial<SimulationConfig> {
  const dead = new Set<string>();
  return {
    faults: { ...calm, clientReturns: 0 },
    crashAt: ({ process, at }) => {
      const dies = numbers.some((number) => process === `client ${number}`) && at === 'receive agreeRequest';
      return dies && !dead.has(process) && dead.add(process) !== undefined;
    },
  };
}

describe('a round of several groups', () => {
  it('is one secure sum a group, each the exact sum of its survivors, and their sum trains the model', async () => {
    const result = await runScenario(scenario, world);
    expect(result).toMatchObject({ violations: [], status: { state: 'finished', reason: null, failedAttempts: 0 } });
    // Three groups in each of two rounds and in the last evaluation.
    expect(result.releasesChecked).toBe(9);
    expect(result.status).toMatchObject({ attempt: 3, groups: { total: 3, needed: 3, open: 0, released: 0 } });
    expect(result.status.recentRounds).toMatchObject([
      { survivors: 10, cohort: 10 },
      { survivors: 10, cohort: 10 },
      { survivors: 10, cohort: 10 },
    ]);
    const events = await eventsOf(result);
    const round = 'groupsOpened sessionCharged groupReleased groupReleased groupReleased released';
    expect(typesOf(events)).toBe(`runSubmitted ${round} ${round} ${round} finished`);
  });
});
