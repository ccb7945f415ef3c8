import { replayRun, runEventSchema, type RunEvent } from '@sotto/coordinator/runs';
import type { Store } from '@sotto/coordinator/store';
import { sha256 } from '@sotto/shared/crypto';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { describe, expect, it } from 'vitest';
import { noFaults, type CrashPoint } from './faults.ts';
import type { SimulationConfig, SimulationResult } from './federation.ts';
import { runScenario, type Scenario } from './scenario.ts';
import { runGroupedSchedule, scheduleLine, type ScheduleReport } from './schedules.ts';

const scenario: Scenario = {
  seed: 'three groups',
  clients: 10,
  plan: {
    trust: 'grouped',
    groups: { size: 3 },
    rounds: 2,
    evaluateEvery: 1,
    spareAttempts: 3,
    overrides: { suite: 'x25519' },
  },
  liars: new Map(),
};
/** ML-KEM is most of a run's work: once here, and in the schedules. */
const hybrid: Scenario = { ...scenario, plan: { ...scenario.plan, overrides: { suite: 'x25519+mlkem768' } } };
const calm = { ...noFaults, delayMaxMs: 20 };

async function eventsOf({ store, runId }: SimulationResult): Promise<RunEvent[]> {
  return (await store.events(runId)).map((text) => runEventSchema.parse(JSON.parse(text)));
}

const typesOf = (events: readonly RunEvent[]): string => events.map(({ type }) => type).join(' ');
const openedOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) =>
    event.type === 'groupsOpened' ? [event.sessions.map(({ header: { group, round } }) => ({ group, round }))] : [],
  );
const addedUpOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'released' ? [event.groups] : []));

/** Names of the clients of a group: the same seed draws the same groups. */
async function namesIn(group: number, of = scenario): Promise<string[]> {
  const result = await runScenario(of, { faults: calm });
  const [first] = (await eventsOf(result)).flatMap((event) => (event.type === 'groupsOpened' ? [event.sessions] : []));
  const ids = first?.[group]?.cohort ?? [];
  return result.plan.roster.clients.flatMap(({ client, name }) => (ids.includes(client) ? [name] : []));
}

/** A calm world in which these clients die once, when their keys are confirmed, and come back or not. */
function losing(names: readonly string[], clientReturns: 0 | 1): Partial<SimulationConfig> {
  const dead = new Set<string>();
  return {
    faults: { ...calm, clientReturns },
    crashAt: ({ process, at }) => {
      if (at !== 'receive inbox' || !names.includes(process) || dead.has(process)) return false;
      dead.add(process);
      return true;
    },
  };
}

describe('a round of several groups', () => {
  it('is one secure sum a group, each the exact sum of its survivors, and their sum trains the model', async () => {
    const result = await runScenario(hybrid, { faults: calm });
    expect(result).toMatchObject({ violations: [], status: { state: 'finished', reason: null, failedAttempts: 0 } });
    // Three groups in each of two rounds and in the last evaluation.
    expect(result.releasesChecked).toBe(9);
    expect(result.status).toMatchObject({ attempt: 3, groups: { total: 3, needed: 3, open: 0, released: 0 } });
    const all = { survivors: 10, cohort: 10, outcome: 'released' };
    expect(result.status.recentRounds).toMatchObject([all, all, all]);
    const round = 'groupsOpened sessionCharged groupReleased groupReleased groupReleased released';
    expect(typesOf(await eventsOf(result))).toBe(`runSubmitted ${round} ${round} ${round} finished`);
    expect(addedUpOf(await eventsOf(result))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ]);
    // One charge an attempt and slot in the federation's books: a client is in one group.
    expect(await result.store.charges(result.runId)).toHaveLength(2 + 2);
  });

  it('tries a group that failed again by itself, and keeps the sums of the others', async () => {
    const [one = ''] = await namesIn(1);
    const result = await runScenario(scenario, losing([one], 1));
    expect(result).toMatchObject({ violations: [], clientCrashes: 1, status: { state: 'finished', reason: null } });
    const events = await eventsOf(result);
    expect(openedOf(events).map((sessions) => sessions.map(({ group }) => group))).toEqual([
      [0, 1, 2],
      [1],
      [0, 1, 2],
      [0, 1, 2],
    ]);
    expect(events.filter(({ type }) => type === 'sessionFailed')).toMatchObject([
      { attempt: 1, group: 1, code: 'COHORT_TOO_SMALL' },
    ]);
    expect(addedUpOf(events)).toEqual(Array(3).fill([0, 1, 2]));
    expect(result.status.recentRounds[0]).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('group 1'),
    });
  });

  it('goes without a group where the plan says how many are enough', async () => {
    const lenient = { ...scenario, plan: { ...scenario.plan, groups: { size: 3, minGroups: 2 } } };
    const [one = ''] = await namesIn(1, lenient);
    const result = await runScenario(lenient, losing([one], 0));
    expect(result).toMatchObject({ violations: [], clientCrashes: 1, status: { state: 'finished', reason: null } });
    const added = addedUpOf(await eventsOf(result));
    expect(added).toEqual(Array(3).fill([0, 2]));
    expect(result.status).toMatchObject({ attempt: 3, failedAttempts: 1, groups: { needed: 2 } });
  });

  it('waits, and charges nobody, while a group that it needs cannot be', async () => {
    const [one = ''] = await namesIn(1);
    const result = await runScenario(scenario, { ...losing([one], 0), limitMs: 600_000 });
    expect(result).toMatchObject({ violations: [], waitsForClients: true, status: { state: 'waiting', attempt: 1 } });
    expect(result.status.groups).toEqual({ total: 3, needed: 3, open: 0, released: 2 });
    expect(addedUpOf(await eventsOf(result))).toEqual([]);
  });

  it('survives the death of the coordinator before and after each of its writes, and is replayed from the groups', async () => {
    const small: Scenario = {
      ...scenario,
      clients: 6,
      plan: { ...scenario.plan, rounds: 1, evaluateEvery: null },
    };
    const points: CrashPoint[] = [];
    const quiet = await runScenario(small, {
      faults: calm,
      crashAt: (point) => point.process === 'coordinator' && points.push(point) < 0,
    });
    expect(quiet).toMatchObject({ violations: [], releasesChecked: 2 });
    const writes = points.flatMap(({ at }, index) => (['store.commit', 'blobs.put'].includes(at) ? [index] : []));
    // Submission with its two blobs; opening, charge, two groups with a blob each, the release with its three; the end.
    expect(writes).toHaveLength(2 * (3 + 1 + 1 + 2 * 2 + 4 + 1));
    for (const index of writes) {
      let seen = -1;
      const result = await runScenario(small, {
        faults: calm,
        crashAt: ({ process }) => process === 'coordinator' && ++seen === index,
      });
      const where = `${points[index]?.side} ${points[index]?.at}, ${index}`;
      expect(result, where).toMatchObject({ violations: [], coordinatorCrashes: 1, releasesChecked: 2 });
      expect(result.status, where).toMatchObject({ state: 'finished', reason: null });
    }
  });
});

describe('a round over more clients than one graph holds', () => {
  it('is as many sessions as there are groups, added up: each exact, and all of them replayed', async () => {
    const clients = process.env['SOTTO_LONG'] === '1' ? 1_000 : 210;
    const many: Scenario = {
      seed: 'many',
      clients,
      plan: {
        trust: 'grouped',
        groups: { size: 10 },
        unit: 'client',
        rounds: 1,
        evaluateEvery: null,
        overrides: { suite: 'x25519' },
      },
      liars: new Map(),
    };
    const result = await runScenario(many, { faults: calm });
    expect(result).toMatchObject({ violations: [], releasesChecked: clients / 10 });
    expect(result.status).toMatchObject({ state: 'finished', recentRounds: [{ survivors: clients, cohort: clients }] });
  }, 300_000);
});

describe('a replay of several groups', () => {
  type Entry = Record<string, unknown> & { readonly type: string; readonly group?: number };

  /** The run's transcript with entries changed, left out or put in, and chained anew as a liar would. */
  function forged(result: SimulationResult, change: (entries: Entry[]) => readonly Entry[]): Store {
    return {
      ...result.store,
      async transcript(runId) {
        const entries = (await result.store.transcript(runId)).map(({ entry }) => JSON.parse(entry) as Entry);
        let previous = '0'.repeat(64);
        return change(entries).map((entry, sequence) => {
          const text = canonicalJson({ ...entry, previous });
          previous = toHex(sha256(utf8(text)));
          return { sequence, entry: text, hash: previous };
        });
      },
    };
  }

  it('names what no honest round gives, whatever the hashes say', async () => {
    const result = await runScenario(scenario, { faults: calm });
    const { runId, blobs } = result;
    const said = (change: (entries: Entry[]) => readonly Entry[]): Promise<unknown> =>
      replayRun(forged(result, change), blobs, runId).then(
        ({ releases }) => releases,
        (error: unknown) => (error instanceof Error ? error.message : error),
      );
    const edited = (place: number, edit: Partial<Entry>) => (entries: Entry[]) =>
      entries.map((entry, index) => (index === place ? { ...entry, ...edit } : entry));
    expect(await said((entries) => entries)).toBe(3);
    // Entries: the run, then three groups and their sum for each round.
    const sums = await said((entries) => [...entries.slice(0, 1), ...entries.slice(2)]);
    expect(sums).toContain('entry 3: groups: recorded 0,1,2, computed');
    expect(await said((entries) => [...entries.slice(0, 2), ...entries.slice(1)])).toContain('released once a round');
    expect(await said(edited(1, { group: 3 }))).toContain('the plan has no group 3');
    const [, one, two] = (await result.store.transcript(runId)).map(({ entry }) => JSON.parse(entry) as Entry);
    expect(await said(edited(1, { survivors: two!['survivors'] }))).toContain(`is not on group ${one!.group}`);
    expect(await said(edited(1, { survivors: (one!['survivors'] as string[]).slice(1, 3) }))).toContain(
      '2 clients survived',
    );
    expect(await said(edited(1, { sumHash: two!['sumHash'] }))).toContain('sum of the groups');
    expect(await said(edited(4, { sumHash: two!['sumHash'] }))).toContain('sum of the groups');
    expect(await said(edited(4, { groups: [0, 1] }))).toContain('groups: recorded 0,1, computed 0,1,2');
    expect(await said(edited(2, { modelBefore: '00'.repeat(32) }))).toContain('model before');
    expect(await said(edited(4, { survivors: one!['survivors'] }))).toContain('survivors');
  });
});

const count = process.env['SOTTO_LONG'] === '1' ? 200 : 6;
const perTest = 2;

// What counts as failure, and what does not, stands at the head of schedules.test.ts.
describe('schedules of several groups keep the rules', () => {
  const reports: ScheduleReport[] = [];

  for (let from = 0; from < count; from += perTest) {
    it(`${from} … ${from + perTest - 1}`, async () => {
      for (let number = from; number < from + perTest; number++) {
        const report = await runGroupedSchedule(number);
        expect(report.result.violations, scheduleLine(report)).toEqual([]);
        reports.push(report);
      }
    });
  }

  it('and go through all that can go wrong', () => {
    const total = (of: (report: ScheduleReport) => number): number => reports.reduce((sum, one) => sum + of(one), 0);
    expect(total(({ result }) => result.releasesChecked)).toBeGreaterThan(2 * reports.length);
    expect(total(({ result }) => result.coordinatorCrashes)).toBeGreaterThan(reports.length / 2);
    expect(total(({ result }) => result.clientCrashes)).toBeGreaterThan(reports.length / 4);
    expect(total(({ result }) => result.lies)).toBeGreaterThan(0);
    expect(total(({ result }) => result.status.failedAttempts)).toBeGreaterThan(reports.length / 2);
    expect(reports.filter(({ result }) => result.status.state === 'finished').length).toBeGreaterThan(
      reports.length / 4,
    );
  });
});
