import { planHashOf, sessionCount } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepRun } from './machine.ts';
import type { RunEvent } from './run-events.ts';
import { applyRunEvent } from './run-fold.ts';
import { initialRunState, type RunEffect, type RunFacts, type RunInput, type RunState } from './run-state.ts';
import { gatherMs, retryMs, returnMs } from './run-waits.ts';

const plan = examplePlan({ clients: 4, minSurvivors: 3, rounds: 2, evaluateEvery: 1, spareAttempts: 2 });
const ids = plan.roster.clients.map(({ client }) => client);
const facts: RunFacts = { runId: 'cd'.repeat(16), planHash: planHashOf(plan), plan, groups: [ids] };
const [one = '', two = '', three = '', four = ''] = ids;
const modelHash = '11'.repeat(32);

/** A run as its host leads it: recorded events are durable and stepped at once. */
function lead(start: RunState = initialRunState(facts)) {
  let state = start;
  const events: RunEvent[] = [];
  const effects: RunEffect[] = [];
  function step(event: RunInput | RunEvent): void {
    const next = stepRun(state, event);
    state = next.state;
    for (const effect of next.effects) {
      effects.push(effect);
      if (effect.type === 'record') record(effect.event);
    }
  }
  function record(event: RunEvent): void {
    events.push(event);
    step(event);
  }
  return {
    step,
    record,
    events,
    state: () => state,
    /** Effects since the last call. */
    did: () => effects.splice(0),
  };
}

function submitted() {
  const run = lead();
  run.record({ type: 'runSubmitted', at: 0, modelHash });
  return run;
}

/** Everybody there and willing, so that the first session is open. */
function opened() {
  const run = submitted();
  for (const client of ids) {
    run.step({ type: 'connected', at: 1, client });
    run.step({ type: 'accepted', at: 1, client });
  }
  run.did();
  return run;
}

function released(state: RunState): RunEvent {
  const [session] = state.sessions;
  if (session === undefined) throw new Error('no session is open');
  const { round, attempt } = session.header;
  const after = (attempt % 256).toString(16).padStart(2, '0').repeat(32);
  return {
    type: 'released',
    at: 5,
    round,
    attempt,
    survivors: session.cohort.slice(0, 3),
    modelHash: after,
    releaseNorm: null,
    evaluation: null,
  };
}

const typesOf = (effects: readonly RunEffect[]): string[] => effects.map(({ type }) => type);

describe('stepRun', () => {
  it('waits for the rest of the roster for a while once enough are there, and opens at once when all are', () => {
    const run = submitted();
    for (const client of [one, two, three]) {
      run.step({ type: 'connected', at: 1, client });
      run.step({ type: 'accepted', at: 1, client });
    }
    expect(run.state().sessions).toEqual([]);
    expect(run.did().filter(({ type }) => type === 'setTimer')).toEqual([
      { type: 'setTimer', timer: 'gather', ms: gatherMs },
    ]);
    run.step({ type: 'timer', at: 2, timer: 'gather' });
    expect(run.state().sessions[0]?.cohort).toEqual([one, two, three].toSorted());
    expect(opened().state().sessions[0]?.cohort).toEqual(ids);
  });

  it('keeps what a client tells of its device until its process ends, and decides nothing by it', () => {
    const run = submitted();
    run.step({ type: 'connected', at: 1, client: one });
    run.step({ type: 'accepted', at: 1, client: one });
    run.did();
    const device = { engine: 'tfjs webgpu', device: 'gpu', rowsPerSecond: 120_000, memoryGb: 16 } as const;
    const before = run.state();
    run.step({ type: 'device', at: 2, client: one, device });
    expect(run.did()).toEqual([]);
    const known = before.clients.get(one)!;
    expect(run.state()).toEqual({ ...before, clients: new Map(before.clients).set(one, { ...known, device }) });
    run.step({ type: 'disconnected', at: 3, client: one });
    run.step({ type: 'connected', at: 4, client: one, heard: { event: 0, part: 0 } });
    expect(run.state().clients.get(one)?.device).toEqual(device);
    run.step({ type: 'connected', at: 5, client: one, heard: 'nothing' });
    expect(run.state().clients.get(one)?.device).toBeNull();
    expect(run.events).toHaveLength(1);
  });

  it('does nothing of an event before the event is recorded', () => {
    const run = submitted();
    for (const client of ids) run.step({ type: 'connected', at: 1, client });
    for (const client of [one, two, three]) run.step({ type: 'accepted', at: 1, client });
    const { state, effects } = stepRun(run.state(), { type: 'accepted', at: 1, client: four });
    expect(state.sessions).toEqual([]);
    expect(typesOf(effects)).toEqual(['record']);
  });

  it('gives a client that lost its line time to come back, and sends what it missed', () => {
    const run = opened();
    run.step({ type: 'disconnected', at: 2, client: two });
    expect(run.did()).toEqual([{ type: 'setTimer', timer: `return:${two}`, ms: returnMs(plan, 'advertise') }]);
    run.step({ type: 'connected', at: 3, client: two });
    const [offer, clear, sent] = run.did();
    expect(offer).toEqual({ type: 'offer', client: two });
    expect(clear).toEqual({ type: 'clearTimer', timer: `return:${two}` });
    expect(sent).toMatchObject({ type: 'send', client: two, message: { type: 'sessionOpen' } });
    run.step({ type: 'disconnected', at: 4, client: two });
    run.step({ type: 'timer', at: 9, timer: `return:${two}` });
    expect(run.state().sessions[0]?.lost).toEqual(new Set([two]));
    expect(run.state().sessions).toHaveLength(1);
  });

  it('fails the session when too few are left, waits ever longer, and opens the next attempt of the same round', () => {
    const run = opened();
    for (let failures = 1; failures <= 3; failures++) {
      run.step({ type: 'lost', at: 2, client: one, reason: 'gone' });
      run.step({ type: 'lost', at: 2, client: two, reason: 'gone' });
      expect(run.events.at(-1)).toMatchObject({ type: 'sessionFailed', code: 'COHORT_TOO_SMALL', mayBeCharged: false });
      expect(run.did()).toContainEqual({ type: 'setTimer', timer: 'retry', ms: retryMs(failures) });
      // Nothing but the wait's end opens a session.
      run.step({ type: 'accepted', at: 3, client: four });
      expect(run.state().sessions).toEqual([]);
      run.step({ type: 'timer', at: 4, timer: 'retry' });
      expect(run.state().sessions[0]?.header).toMatchObject({ round: 1, attempt: failures + 1 });
    }
    // Nobody can have charged an attempt that never came to its uploads.
    expect(run.state().sessionsUsed).toBe(0);
  });

  it('a restart ends the open session, which counts as charged', () => {
    const before = opened();
    const after = lead(before.events.reduce(applyRunEvent, initialRunState(facts)));
    after.step({ type: 'restarted', at: 9 });
    expect(after.events).toMatchObject([{ type: 'sessionFailed', code: 'CANCELLED', mayBeCharged: true }]);
    expect(after.state()).toMatchObject({ sessions: [], sessionsUsed: 1, attempt: 1, round: 1 });
  });

  it('opens nothing while paused, and says goodbye to everybody when stopped', () => {
    const run = opened();
    run.step({ type: 'pauseAsked', at: 2 });
    run.record(released(run.state()));
    expect(run.state()).toMatchObject({ paused: true, sessions: [], round: 2 });
    run.step({ type: 'resumeAsked', at: 3 });
    expect(run.state().sessions[0]?.header.round).toBe(2);
    run.did();
    run.step({ type: 'stopAsked', at: 4, reason: 'enough' });
    const messages = run.did().flatMap((effect) => (effect.type === 'send' ? [effect.message.type] : []));
    expect(messages.filter((type) => type === 'sessionClosed')).toHaveLength(4);
    expect(messages.filter((type) => type === 'runEnded')).toHaveLength(4);
    run.step({ type: 'restarted', at: 5 });
    run.step({ type: 'resumeAsked', at: 5 });
    expect(run.did()).toEqual([]);
    run.step({ type: 'connected', at: 6, client: one });
    expect(run.did()).toMatchObject([{ type: 'send', client: one, message: { type: 'runEnded', outcome: 'stopped' } }]);
  });

  it('keeps the last session of the plan for the evaluation of the final model', () => {
    const run = opened();
    const last = sessionCount(plan) + plan.spareAttempts;
    for (let used = 1; used < last; used++) {
      run.record({ type: 'sessionCharged', at: 2, attempt: run.state().attempt });
      const sessionId = run.state().sessions[0]?.sessionId ?? '';
      run.step({ type: 'recoveryFailed', at: 2, sessionId, code: 'RECOVERY_FAILED', reason: 'test', culprits: [] });
      expect(run.state().sessionsUsed).toBe(used);
      run.step({ type: 'timer', at: 3, timer: 'retry' });
    }
    expect(run.state().sessions[0]?.header).toMatchObject({ round: 3, slots: ['evaluation'], attempt: last });
    run.record(released(run.state()));
    expect(run.events.at(-1)).toMatchObject({ type: 'finished' });
    expect(run.state().ended?.reason).toContain('used up after 0 of 2 rounds');
  });

  it('keeps its promises whatever comes, in whichever order', () => {
    const client = fc.constantFrom(...ids);
    const inputs = fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('connected' as const), at: fc.nat(), client }) },
      { weight: 6, arbitrary: fc.record({ type: fc.constant('accepted' as const), at: fc.nat(), client }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('disconnected' as const), at: fc.nat(), client }) },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constant('lost' as const), at: fc.nat(), client, reason: fc.string() }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          type: fc.constant('timer' as const),
          at: fc.nat(),
          timer: fc.oneof(
            fc.constantFrom('stage:' as const, 'gather' as const, 'retry' as const),
            client.map((id): `return:${string}` => `return:${id}`),
          ),
        }),
      },
      fc.record({ type: fc.constantFrom('restarted' as const, 'pauseAsked' as const), at: fc.nat() }),
      { weight: 3, arbitrary: fc.record({ type: fc.constant('resumeAsked' as const), at: fc.nat() }) },
      { weight: 3, arbitrary: fc.constantFrom('charge' as const, 'release' as const) },
    );
    fc.assert(
      fc.property(fc.array(inputs, { maxLength: 120 }), (steps) => {
        const run = submitted();
        for (const input of steps) {
          const { sessions, ended } = run.state();
          const [session] = sessions;
          const count = run.events.length;
          if (input === 'charge') {
            if (session !== undefined && !session.charged) {
              run.record({ type: 'sessionCharged', at: 1, attempt: session.header.attempt });
            }
          } else if (input === 'release') {
            if (session?.charged === true) run.record(released(run.state()));
          } else if (input.type === 'timer' && input.timer === 'stage:') {
            run.step({ ...input, timer: `stage:${session?.sessionId}` });
          } else {
            run.step(input);
          }
          if (ended !== null) expect(run.events).toHaveLength(count);
        }
        // The durable part is the fold of the events.
        const { clients: _, waiting: _w, gathered: _g, sessions: live, ...durable } = run.state();
        const folded = run.events.reduce(applyRunEvent, initialRunState(facts));
        expect(folded).toMatchObject(durable);
        expect(folded.sessions.map(({ sessionId }) => sessionId)).toEqual(live.map(({ sessionId }) => sessionId));
        // Attempts count up by one, a session is closed before the next is opened, charges stay within the plan.
        let attempts = 0;
        let open = false;
        let charged = 0;
        const rounds: number[] = [];
        for (const event of run.events) {
          if (event.type === 'sessionOpened') {
            expect(open).toBe(false);
            attempts += 1;
            expect(event.header.attempt).toBe(attempts);
            open = true;
          }
          if (event.type === 'sessionCharged') charged += 1;
          if (event.type === 'sessionFailed' || event.type === 'released') open = false;
          if (event.type === 'released') rounds.push(event.round);
        }
        expect(charged).toBeLessThanOrEqual(sessionCount(plan) + plan.spareAttempts);
        expect(rounds).toEqual([...new Set(rounds)].toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });
});
