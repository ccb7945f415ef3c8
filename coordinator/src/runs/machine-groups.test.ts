import { groupsNeeded, planHashOf, sessionCount } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepRun } from './machine.ts';
import type { RunEvent } from './run-events.ts';
import { applyRunEvent } from './run-fold.ts';
import {
  initialRunState,
  type LiveSession,
  type RunEffect,
  type RunFacts,
  type RunInput,
  type RunState,
} from './run-state.ts';
import { retryMs } from './run-waits.ts';

const options = { trust: 'grouped', clients: 9, rounds: 2, evaluateEvery: 1, spareAttempts: 3 } as const;

/** A run of three groups of three, by their places in the roster. */
function factsOf(minGroups: number): RunFacts {
  const plan = examplePlan({ ...options, groups: { size: 3, minGroups } });
  const ids = plan.roster.clients.map(({ client }) => client);
  const groups = [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)];
  return { runId: 'cd'.repeat(16), planHash: planHashOf(plan), plan, groups };
}

/** A run as its host leads it: recorded events are durable and stepped at once, and a round that can be released is. */
function lead(facts: RunFacts, start: RunState = initialRunState(facts)) {
  let state = start;
  const events: RunEvent[] = [];
  const effects: RunEffect[] = [];
  function step(event: RunInput | RunEvent): void {
    const next = stepRun(state, event);
    state = next.state;
    for (const effect of next.effects) {
      effects.push(effect);
      if (effect.type === 'record') record(effect.event);
      if (effect.type === 'conclude') record(concluded(state));
    }
  }
  function record(event: RunEvent): void {
    events.push(event);
    step(event);
  }
  return { step, record, events, state: () => state, did: () => effects.splice(0) };
}

function concluded({ groupSums, round, attempt }: RunState): RunEvent {
  const sums = groupSums.filter((sum) => sum.round === round);
  return {
    type: 'released',
    at: 5,
    round,
    attempt,
    survivors: sums.flatMap(({ survivors }) => survivors),
    groups: sums.map(({ group }) => group).toSorted((a, b) => a - b),
    modelHash: (attempt % 256).toString(16).padStart(2, '0').repeat(32),
    releaseNorm: null,
    evaluation: null,
  };
}

function groupReleased({ header, cohort }: LiveSession): RunEvent {
  const { round, attempt, group = 0 } = header;
  const sumHash = '22'.repeat(32);
  return { type: 'groupReleased', at: 4, round, attempt, group, survivors: [...cohort], sumHash, alarm: null };
}

function opened(minGroups = 3) {
  const facts = factsOf(minGroups);
  const run = lead(facts);
  run.record({ type: 'runSubmitted', at: 0, modelHash: '11'.repeat(32) });
  for (const client of facts.groups.flat()) {
    run.step({ type: 'connected', at: 1, client });
    run.step({ type: 'accepted', at: 1, client });
  }
  run.did();
  return { ...run, facts };
}

const open = (state: RunState) => state.sessions.map(({ header }) => [header.group, header.attempt]);

/** Two of three are gone: the group's sum cannot be. */
function failGroup(run: ReturnType<typeof opened>, group: number): void {
  for (const client of run.facts.groups[group]!.slice(0, 2)) run.step({ type: 'lost', at: 2, client, reason: 'gone' });
}

describe('a run of several groups', () => {
  it('opens one session a group, all of one attempt, by one event', () => {
    const run = opened();
    expect(open(run.state())).toEqual([0, 1, 2].map((group) => [group, 1]));
    expect(run.events.map(({ type }) => type)).toEqual(['runSubmitted', 'groupsOpened']);
    for (const [group, session] of run.state().sessions.entries()) {
      expect(session.cohort).toEqual(run.facts.groups[group]);
      expect([...session.sum.rules.identities.keys()].toSorted()).toEqual(run.facts.groups[group]);
    }
  });

  it('loses a client from its own group alone, and tells the others nothing of a group that failed', () => {
    const run = opened();
    failGroup(run, 1);
    expect(open(run.state())).toEqual([0, 2].map((group) => [group, 1]));
    expect(run.events.at(-1)).toMatchObject({ type: 'sessionFailed', group: 1, attempt: 1, mayBeCharged: false });
    const closed = run
      .did()
      .flatMap((effect) => (effect.type === 'send' && effect.message.type === 'sessionClosed' ? [effect.client] : []));
    expect(closed).toEqual(run.facts.groups[1]);
  });

  it('tries what the round lacks again when the last session is over, and releases the round with its last group', () => {
    const run = opened();
    failGroup(run, 1);
    const [first, third] = run.state().sessions;
    run.record({ type: 'sessionCharged', at: 3, attempt: 1 });
    run.record(groupReleased(first!));
    expect(run.state().waiting).toBe('nothing');
    run.record(groupReleased(third!));
    expect(run.did()).toContainEqual({ type: 'setTimer', timer: 'retry', ms: retryMs(1) });
    expect(run.state()).toMatchObject({ sessions: [], round: 1, sessionsUsed: 1 });
    run.step({ type: 'timer', at: 9, timer: 'retry' });
    expect(open(run.state())).toEqual([[1, 2]]);
    expect(run.state().opening.clients).toBe(9);
    run.record({ type: 'sessionCharged', at: 9, attempt: 2 });
    run.record(groupReleased(run.state().sessions[0]!));
    expect(run.events.slice(-3)).toMatchObject([
      { type: 'groupReleased', group: 1, attempt: 2 },
      { type: 'released', round: 1, attempt: 2, groups: [0, 1, 2] },
      { type: 'groupsOpened' },
    ]);
    expect(run.state()).toMatchObject({ round: 2, groupSums: [], sessionsUsed: 2, releasedSessions: 1 });
  });

  it('releases the round without a group where the plan allows it, also while it is paused', () => {
    const run = opened(2);
    run.step({ type: 'pauseAsked', at: 2 });
    for (const session of run.state().sessions.slice(1)) run.record(groupReleased(session));
    expect(run.state().round).toBe(1);
    failGroup(run, 0);
    expect(run.events.at(-1)).toMatchObject({ type: 'released', round: 1, groups: [1, 2] });
    expect(run.state()).toMatchObject({ round: 2, sessions: [], paused: true, groupSums: [] });
  });

  it('does not open, and charges nobody, when with all groups that can the round would have too few', () => {
    const run = opened();
    failGroup(run, 1);
    for (const client of run.facts.groups[1]!.slice(0, 2)) run.step({ type: 'disconnected', at: 3, client });
    for (const session of run.state().sessions) run.record(groupReleased(session));
    run.step({ type: 'timer', at: 9, timer: 'retry' });
    expect(run.state()).toMatchObject({ sessions: [], attempt: 1 });
    for (const client of run.facts.groups[1]!) run.step({ type: 'connected', at: 10, client });
    expect(open(run.state())).toEqual([[1, 2]]);
  });

  it('after a restart all its sessions are dead and count, and sums that were released are kept', () => {
    const before = opened();
    before.record({ type: 'sessionCharged', at: 3, attempt: 1 });
    before.record(groupReleased(before.state().sessions[1]!));
    const after = lead(before.facts, before.events.reduce(applyRunEvent, initialRunState(before.facts)));
    after.step({ type: 'restarted', at: 9 });
    expect(after.events).toMatchObject([
      { type: 'sessionFailed', group: 0, code: 'CANCELLED', mayBeCharged: true },
      { type: 'sessionFailed', group: 2, code: 'CANCELLED', mayBeCharged: true },
    ]);
    expect(after.state()).toMatchObject({ sessions: [], sessionsUsed: 1, failedAttempts: 2, waiting: 'retry' });
    expect(after.state().groupSums.map(({ group }) => group)).toEqual([1]);
  });

  it('killed between its last group and its release, it releases when it starts again', () => {
    const before = opened();
    for (const session of before.state().sessions.slice(1)) before.record(groupReleased(session));
    const last = groupReleased(before.state().sessions[0]!);
    const durable = [...before.events, last].reduce(applyRunEvent, initialRunState(before.facts));
    const after = lead(before.facts, durable);
    after.step({ type: 'restarted', at: 9 });
    expect(after.events).toMatchObject([{ type: 'released', round: 1, groups: [0, 1, 2] }]);
  });

  it('keeps its promises whatever comes, in whichever order', () => {
    const ids = factsOf(2).groups.flat();
    const client = fc.constantFrom(...ids);
    const at = fc.nat();
    const inputs = fc.oneof(
      { weight: 8, arbitrary: fc.record({ type: fc.constant('connected' as const), at, client }) },
      { weight: 8, arbitrary: fc.record({ type: fc.constant('accepted' as const), at, client }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('disconnected' as const), at, client }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('lost' as const), at, client, reason: fc.string() }) },
      {
        weight: 5,
        arbitrary: fc.record({
          type: fc.constant('timer' as const),
          at,
          timer: fc.oneof(
            fc.constantFrom('gather' as const, 'retry' as const),
            fc.nat({ max: 2 }).map((place): `stage:${number}` => `stage:${place}`),
            client.map((id): `return:${string}` => `return:${id}`),
          ),
        }),
      },
      fc.record({ type: fc.constantFrom('restarted' as const, 'pauseAsked' as const), at }),
      { weight: 3, arbitrary: fc.record({ type: fc.constant('resumeAsked' as const), at }) },
      { weight: 8, arbitrary: fc.record({ type: fc.constant('release' as const), place: fc.nat({ max: 2 }) }) },
    );
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 150 }), fc.constantFrom(2, 3), (steps, minGroups) => {
        const run = opened(minGroups);
        const { plan } = run.facts;
        for (const input of steps) {
          const { sessions, ended, attempt } = run.state();
          const count = run.events.length;
          const place = input.type === 'release' ? input.place : 0;
          const session = sessions[place];
          if (input.type === 'release') {
            if (session !== undefined) {
              if (!session.charged) run.record({ type: 'sessionCharged', at: 1, attempt });
              run.record(groupReleased(run.state().sessions[place]!));
            }
          } else if (input.type === 'timer' && input.timer.startsWith('stage:')) {
            const of = sessions[Number(input.timer.slice('stage:'.length))]?.sessionId;
            run.step({ ...input, timer: `stage:${of}` });
          } else {
            run.step(input);
          }
          if (ended !== null) expect(run.events).toHaveLength(count);
        }
        const { clients: _, waiting: _w, gathered: _g, sessions: live, ...durable } = run.state();
        const folded = run.events.reduce(applyRunEvent, initialRunState(run.facts));
        expect(folded).toMatchObject(durable);
        expect(folded.sessions.map(({ sessionId }) => sessionId)).toEqual(live.map(({ sessionId }) => sessionId));
        expectOrder(run.events, run.facts, minGroups);
        expect(run.state().sessionsUsed).toBeLessThanOrEqual(sessionCount(plan) + plan.spareAttempts);
      }),
      { numRuns: 300 },
    );
  });
});

/** Attempts one after the other, each group at most once in an attempt and released at most once in a round. */
function expectOrder(events: readonly RunEvent[], facts: RunFacts, minGroups: number): void {
  let attempts = 0;
  let charged = 0;
  let lastRound = 0;
  const sessions = new Set<number>();
  let done = new Map<number, number>();
  for (const event of events) {
    if (event.type === 'groupsOpened') {
      expect(sessions.size).toBe(0);
      attempts += 1;
      for (const { header, cohort } of event.sessions) {
        const { group = -1, attempt, round } = header;
        expect(attempt).toBe(attempts);
        expect(sessions.has(group)).toBe(false);
        expect(done.get(group)).not.toBe(round);
        expect(facts.groups[group]).toEqual(expect.arrayContaining(cohort));
        sessions.add(group);
      }
    }
    if (event.type === 'sessionCharged') charged += 1;
    if (event.type === 'sessionFailed') expect(sessions.delete(event.group ?? -1)).toBe(true);
    if (event.type === 'groupReleased') {
      expect(sessions.delete(event.group)).toBe(true);
      done.set(event.group, event.round);
    }
    if (event.type === 'released') {
      expect(sessions.size).toBe(0);
      expect(event.round).toBeGreaterThan(lastRound);
      lastRound = event.round;
      const of = [...done].flatMap(([group, round]) => (round === event.round ? [group] : []));
      expect(event.groups).toEqual(of.toSorted((a, b) => a - b));
      expect(of.length).toBeGreaterThanOrEqual(minGroups);
      done = new Map();
    }
  }
  expect(groupsNeeded(facts.plan)).toBe(minGroups);
  expect(charged).toBeLessThanOrEqual(sessionCount(facts.plan) + facts.plan.spareAttempts);
}
