import { planHashOf } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { partOf } from '@sotto/shared/protocol';
import { describe, expect, it } from 'vitest';
import { stepRun } from './machine.ts';
import type { RunEvent } from './run-events.ts';
import { missedEnd } from './run-messages.ts';
import {
  initialRunState,
  type HeardOfRun,
  type RunEffect,
  type RunFacts,
  type RunInput,
  type RunState,
} from './run-state.ts';
import { gatherMs } from './run-waits.ts';

const plan = examplePlan({ clients: 4, minSurvivors: 3, rounds: 2, evaluateEvery: null, spareAttempts: 2 });
const ids = plan.roster.clients.map(({ client }) => client);
const facts: RunFacts = { runId: 'cd'.repeat(16), planHash: planHashOf(plan), plan, groups: [ids] };
const [one = '', two = ''] = ids;
const modelHash = '11'.repeat(32);

/** A run with everybody in its first session; its events 0 and 1 are the submission and the opening. */
function opened() {
  let state: RunState = initialRunState(facts);
  const events: RunEvent[] = [];
  let effects: RunEffect[] = [];
  function step(input: RunInput | RunEvent): void {
    const next = stepRun(state, input);
    state = next.state;
    effects.push(...next.effects);
    for (const effect of next.effects) if (effect.type === 'record') record(effect.event);
  }
  function record(event: RunEvent): void {
    events.push(event);
    step(event);
  }
  const run = {
    step,
    record,
    events,
    state: () => state,
    /** What a client is told when its line opens. */
    connect(client: string, heard: HeardOfRun | undefined, at = 3): string[] {
      effects = [];
      step({ type: 'connected', at, client, ...(heard === undefined ? {} : { heard }) });
      return effects.flatMap((effect) =>
        effect.type === 'offer'
          ? ['offer']
          : effect.type === 'send' && effect.client === client
            ? [effect.message.type]
            : [],
      );
    },
    timers: () => effects.flatMap((effect) => (effect.type === 'setTimer' ? [effect.timer] : [])),
  };
  record({ type: 'runSubmitted', at: 0, modelHash });
  for (const client of ids) {
    step({ type: 'connected', at: 1, client, heard: 'nothing' });
    step({ type: 'accepted', at: 1, client });
  }
  return run;
}

const release = (state: RunState): RunEvent => ({
  type: 'released',
  at: 5,
  round: state.sessions[0]!.header.round,
  attempt: state.sessions[0]!.header.attempt,
  survivors: ids,
  modelHash: '22'.repeat(32),
  releaseNorm: null,
  evaluation: null,
});

describe('a client whose line opens again', () => {
  it('is told nothing that it has heard, and the newest request where it has not', () => {
    const run = opened();
    expect(run.connect(two, { event: 1, part: partOf('sessionOpen') })).toEqual([]);
    expect(run.connect(two, { event: 0, part: partOf('runOffer') })).toEqual(['sessionOpen']);
    // Of whom nothing is known, everything.
    expect(run.connect(two, undefined)).toEqual(['offer', 'sessionOpen']);
  });

  it('and whose process began anew is out of the session at once, and is asked again whether it takes part', () => {
    const run = opened();
    run.step({ type: 'disconnected', at: 2, client: two });
    expect(run.connect(two, 'nothing')).toEqual(['offer']);
    expect(run.state().sessions[0]?.lost).toEqual(new Set([two]));
    expect(run.state().clients.get(two)).toMatchObject({ answer: 'none', connected: true });
    expect(run.state().clients.get(two)?.reason).toMatch(/began anew/);
  });

  it('after it was given up is told so, once', () => {
    const run = opened();
    run.step({ type: 'disconnected', at: 2, client: two });
    run.step({ type: 'timer', at: 9, timer: `return:${two}` });
    expect(run.connect(two, { event: 1, part: partOf('roster') })).toEqual(['sessionClosed']);
    expect(run.connect(two, { event: 1, part: partOf('sessionClosed') })).toEqual([]);
  });

  it('after the run has ended is told so, once', () => {
    const run = opened();
    run.record({ type: 'stopped', at: 4, reason: 'enough' });
    expect(run.connect(two, { event: 1, part: 0 })).toEqual(['runEnded']);
    expect(run.connect(two, 'nothing')).toEqual(['runEnded']);
    expect(run.connect(two, { event: 2, part: partOf('sessionClosed') })).toEqual(['runEnded']);
    expect(run.connect(two, { event: 2, part: partOf('runEnded') })).toEqual([]);
  });

  it('is waited for when it was away for a moment as a session was to open, and not when it stays away', () => {
    const run = opened();
    run.step({ type: 'disconnected', at: 4, client: two });
    run.record(release(run.state()));
    expect(run.timers()).toContain('gather');
    expect(run.state().sessions).toEqual([]);
    run.connect(two, { event: 1, part: 0 }, 6);
    expect(run.state().sessions[0]?.cohort).toEqual(ids);

    run.step({ type: 'disconnected', at: 7, client: two });
    run.step({ type: 'timer', at: 7 + gatherMs, timer: `return:${two}` });
    run.record({ ...release(run.state()), at: 8 + gatherMs } as RunEvent);
    expect(run.state().ended?.outcome).toBe('finished');
  });
});

describe('the end of a session that a client has not heard of', () => {
  const events = (): RunEvent[] => {
    const run = opened();
    run.step({ type: 'lost', at: 2, client: one, reason: 'gone' });
    run.step({ type: 'lost', at: 2, client: two, reason: 'gone' });
    run.step({ type: 'timer', at: 4, timer: 'retry' });
    run.record(release(run.state()));
    return run.events;
  };

  it('is read from the events after the opening', () => {
    const all = events();
    expect(all.map(({ type }) => type)).toEqual([
      'runSubmitted',
      'sessionOpened',
      'sessionFailed',
      'sessionOpened',
      'released',
      'sessionOpened',
    ]);
    const told = (from: number) => missedEnd(all.slice(from), from, ids[2]!);
    expect(told(1)).toMatchObject({ event: 2, message: { type: 'sessionClosed', outcome: 'failed' } });
    expect(told(3)).toMatchObject({ event: 4, message: { type: 'sessionClosed', outcome: 'released' } });
    // The newest session is open, and what opens none has no end.
    expect([told(5), told(0), told(2), told(6)]).toEqual([null, null, null, null]);
    expect(missedEnd(all.slice(1), 1, 'somebody else')).toBeNull();
  });
});
