import { comesAfter, partOf, type ServerMessage } from '@sotto/shared/protocol';
import { createSum, stepSum, type SumEffect, type SumRequest } from '@sotto/shared/secure-sum';
import {
  canConclude,
  cohortsThatCanOpen,
  isReady,
  lostFromSession,
  sessionById,
  sessionWith,
  sumRulesOf,
  withClient,
  withSession,
} from './run-clients.ts';
import { applyRunEvent } from './run-fold.ts';
import type { RunEvent } from './run-events.ts';
import type { LiveSession, RunEffect, RunInput, RunState, RunStep, RunTimer } from './run-state.ts';
import { closedMessage, endMessage, releasedMessage } from './run-messages.ts';
import { gatherMs, retryMs, returnMs, stageMs } from './run-waits.ts';
import { nextSession } from './next-session.ts';

/**
 * The run machine: pure, with the secure sum's coordinator side inside. Inputs change only what this process knows; what must
 * outlive it is asked for by a `record` effect, which the driver appends to the store and then steps with, so that the effects
 * of an event happen after it is durable and a restart is a replay.
 */
export function stepRun(state: RunState, event: RunEvent | RunInput): RunStep {
  switch (event.type) {
    case 'runSubmitted':
    case 'sessionOpened':
    case 'groupsOpened':
    case 'sessionCharged':
    case 'groupReleased':
    case 'released':
    case 'sessionFailed':
    case 'paused':
    case 'resumed':
    case 'stopped':
    case 'finished':
      return onRecorded(state, event);
    default:
      return onInput(state, event);
  }
}

function onRecorded(before: RunState, event: RunEvent): RunStep {
  const state = applyRunEvent(before, event);
  switch (event.type) {
    case 'sessionOpened':
    case 'groupsOpened':
      return openSessions(state, clearWaits(before), event.at);
    case 'released':
      return decide(
        state,
        event.at,
        before.sessions.flatMap((session) => closeSession(session, releasedMessage)),
      );
    case 'groupReleased':
    case 'sessionFailed': {
      const message =
        event.type === 'groupReleased'
          ? releasedMessage
          : (session: LiveSession) => closedMessage(session, event.code, event.told ?? event.reason);
      const closing = before.sessions
        .filter(({ header }) => header.group === event.group)
        .flatMap((session) => closeSession(session, message));
      return afterSession(state, event.at, closing);
    }
    case 'stopped':
    case 'finished': {
      const message = (session: LiveSession) => closedMessage(session, 'CANCELLED', event.reason ?? 'the run ended');
      const closing = before.sessions.flatMap((session) => closeSession(session, message));
      return { state, effects: [...closing, ...clearWaits(before), ...endMessages(state)] };
    }
    case 'resumed':
      return decide(state, event.at, []);
    case 'runSubmitted':
    case 'sessionCharged':
    case 'paused':
      return { state, effects: [] };
  }
}

/** Sends the openings of an attempt's sessions, and begins each of their sums. */
function openSessions(before: RunState, first: readonly RunEffect[], at: number): RunStep {
  let step: RunStep = { state: before, effects: first };
  for (const { sessionId, header, cohort } of before.sessions) {
    const session = sessionById(step.state, sessionId);
    if (session === null) continue;
    const outstanding = new Map(
      cohort.map((client): [string, ServerMessage] => {
        const answered = before.clients.get(client)?.answeredAttempt ?? 0;
        return [client, { type: 'sessionOpen', sessionId, header, answered }];
      }),
    );
    step = withSumEffects(
      withSession(step.state, { ...session, outstanding }),
      sessionId,
      createSum(sumRulesOf(before.facts, header), cohort).effects,
      [...step.effects, ...[...outstanding].map(([client, message]) => send(client, message))],
      at,
    );
  }
  return step;
}

/** One of an attempt's sessions is over. With the last one the round is released, or what it lacks is tried again. */
function afterSession(state: RunState, at: number, closing: readonly RunEffect[]): RunStep {
  if (state.sessions.length > 0) return { state, effects: closing };
  if (canConclude(state)) return decide(state, at, closing);
  const retry: RunEffect = { type: 'setTimer', timer: 'retry', ms: retryMs(state.failuresInRow) };
  return { state: { ...state, waiting: 'retry' }, effects: [...closing, retry] };
}

function onInput(state: RunState, input: RunInput): RunStep {
  switch (input.type) {
    case 'restarted':
      return onRestart(state, input.at);
    case 'connected':
      return onConnected(state, input);
    case 'disconnected': {
      const next = withClient(state, input.client, { connected: false, awaySince: input.at });
      const session = sessionWith(state, input.client);
      if (session === null) return { state: next, effects: [] };
      const ms = returnMs(state.facts.plan, session.stage);
      return { state: next, effects: [{ type: 'setTimer', timer: `return:${input.client}`, ms }] };
    }
    case 'accepted':
      if (state.ended !== null || state.clients.get(input.client)?.answer === 'revoked') return { state, effects: [] };
      return decide(withClient(state, input.client, { answer: 'accepted', reason: null }), input.at, []);
    case 'refused': {
      const reason = `${input.code}: ${input.reason}`;
      const next = withClient(state, input.client, { answer: 'refused', reason });
      return lose(next, input.client, reason, input.at);
    }
    case 'revoked': {
      const next = withClient(state, input.client, { answer: 'revoked', reason: 'REVOKED: by the authority' });
      return lose(next, input.client, 'REVOKED: by the authority', input.at);
    }
    case 'device':
      // Shown and nothing else: no decision of a run goes by what a client says of its machine.
      return { state: withClient(state, input.client, { device: input.device }), effects: [] };
    case 'lost':
      return lose(state, input.client, input.reason, input.at);
    case 'message': {
      const session = sessionById(state, input.message.sessionId);
      if (session === null) return { state, effects: [] };
      const step = stepSum(session.sum, { type: 'message', message: input.message });
      return withSumEffects(
        withSession(state, { ...session, sum: step.state }),
        session.sessionId,
        step.effects,
        [],
        input.at,
      );
    }
    case 'timer':
      return onTimer(state, input.timer, input.at);
    case 'recoveryFailed': {
      const session = sessionById(state, input.sessionId);
      return session === null
        ? { state, effects: [] }
        : { state, effects: [failure(session, input.at, input.code, input.reason, input.culprits)] };
    }
    case 'pauseAsked':
      return { state, effects: state.paused || state.ended ? [] : [record({ type: 'paused', at: input.at })] };
    case 'resumeAsked':
      return { state, effects: state.paused && !state.ended ? [record({ type: 'resumed', at: input.at })] : [] };
    case 'stopAsked':
      return {
        state,
        effects: state.ended ? [] : [record({ type: 'stopped', at: input.at, reason: input.reason })],
      };
  }
}

/** Sessions that were open when the process ended are dead: their secrets were in memory, here and at the clients. */
function onRestart(before: RunState, at: number): RunStep {
  if (before.ended !== null) return { state: before, effects: [] };
  // All lines were lost with the process.
  const clients = [...before.clients].map(([client, known]) => [client, { ...known, awaySince: at }] as const);
  const state = { ...before, clients: new Map(clients) };
  if (state.sessions.length === 0) return decide(state, at, []);
  // Which stage they had reached is not durable, so they count as charged.
  const sessions = state.sessions.map((session) => ({ ...session, mayBeCharged: true }));
  return {
    state: { ...state, sessions },
    effects: sessions.map((session) =>
      failure(session, at, 'CANCELLED', 'the coordinator was restarted during the session', []),
    ),
  };
}

/** A line is open: its client is told what it has not heard, and nothing else. */
function onConnected(before: RunState, input: Extract<RunInput, { type: 'connected' }>): RunStep {
  const { client, at, heard } = input;
  const known = before.clients.get(client);
  if (known === undefined || known.answer === 'revoked') return { state: before, effects: [] };
  const restarted = heard === 'nothing';
  const mark = heard === undefined || heard === 'nothing' ? null : heard;
  // A process that has begun anew has answered nothing.
  const state = withClient(before, client, {
    connected: true,
    awaySince: null,
    ...(restarted ? { answer: 'none', device: null } : {}),
  });
  const effects: RunEffect[] = [];
  if (input.missed != null) effects.push({ type: 'send', client, ...input.missed });
  if (state.ended !== null) {
    const heardAll = mark !== null && !comesAfter({ event: state.events - 1, part: partOf('runEnded') }, mark);
    return { state, effects: heardAll ? effects : [...effects, send(client, endMessage(state))] };
  }
  if (mark === null || known.answer === 'none') effects.push({ type: 'offer', client });
  const session = sessionWith(state, client);
  if (session === null) {
    const lostFrom = state.sessions.find(({ cohort, lost }) => cohort.includes(client) && lost.has(client));
    const out = { event: lostFrom?.event ?? -1, part: partOf('sessionClosed') };
    if (lostFrom !== undefined && mark?.event === out.event && comesAfter(out, mark)) {
      const [, code = 'UNREACHABLE', reason = ''] = /^(\w+): (.*)$/s.exec(known.reason ?? '') ?? [];
      effects.push(send(client, closedMessage(lostFrom, code, reason)));
    }
    return decide(state, at, effects);
  }
  effects.push({ type: 'clearTimer', timer: `return:${client}` });
  if (restarted) {
    const step = lose(state, client, 'UNREACHABLE: its process began anew, without the keys of the session', at);
    return { state: step.state, effects: [...effects, ...step.effects] };
  }
  const outstanding = session.outstanding.get(client);
  if (outstanding !== undefined) {
    const missed = mark === null || comesAfter({ event: session.event, part: partOf(outstanding.type) }, mark);
    if (missed) effects.push(send(client, outstanding));
  }
  return decide(state, at, effects);
}

function onTimer(state: RunState, timer: RunTimer, at: number): RunStep {
  if (timer === 'gather') return decide({ ...state, waiting: 'nothing', gathered: true }, at, []);
  if (timer === 'retry') return decide({ ...state, waiting: 'nothing' }, at, []);
  if (timer.startsWith('stage:')) {
    const session = sessionById(state, timer.slice('stage:'.length));
    if (session === null || session.stage === 'release') return { state, effects: [] };
    const step = stepSum(session.sum, { type: 'stageTimeout', stage: session.stage });
    return withSumEffects(withSession(state, { ...session, sum: step.state }), session.sessionId, step.effects, [], at);
  }
  return lose(state, timer.slice('return:'.length), 'UNREACHABLE: the connection did not come back in time', at);
}

/** Takes a client out of its open session; the run goes on. */
function lose(state: RunState, client: string, reason: string, at: number): RunStep {
  const session = sessionWith(state, client);
  if (session === null) return decide(state, at, []);
  const next = lostFromSession(state, session.sessionId, client, reason);
  const step = stepSum(session.sum, { type: 'lost', client, reason });
  const current = sessionById(next, session.sessionId) ?? session;
  return withSumEffects(withSession(next, { ...current, sum: step.state }), session.sessionId, step.effects, [], at);
}

/** Turns what a session's secure sum asks for into the run's effects. */
function withSumEffects(
  before: RunState,
  sessionId: string,
  sumEffects: readonly SumEffect[],
  first: readonly RunEffect[],
  at: number,
): RunStep {
  let state = before;
  const effects: RunEffect[] = [...first];
  for (const effect of sumEffects) {
    const session = sessionById(state, sessionId);
    if (session === null) break;
    switch (effect.type) {
      case 'send': {
        const message: SumRequest = effect.message;
        effects.push(send(effect.to, message));
        state = withSession(state, {
          ...session,
          outstanding: new Map(session.outstanding).set(effect.to, message),
        });
        break;
      }
      case 'stage':
        state = withSession(state, {
          ...session,
          stage: effect.stage,
          stageEndsAt: at + stageMs(state.facts.plan, effect.stage),
          mayBeCharged: session.mayBeCharged || effect.stage === 'upload',
        });
        effects.push({ type: 'setTimer', timer: `stage:${sessionId}`, ms: stageMs(state.facts.plan, effect.stage) });
        break;
      case 'lost': {
        state = lostFromSession(state, sessionId, effect.client, `${effect.code}: ${effect.reason}`);
        effects.push(send(effect.client, closedMessage(session, effect.code, effect.reason)));
        break;
      }
      case 'recover':
        state = withSession(state, { ...session, stage: 'release', stageEndsAt: null });
        effects.push(
          { type: 'clearTimer', timer: `stage:${sessionId}` },
          { type: 'recover', sessionId, job: effect.job },
        );
        break;
      case 'failed':
        effects.push(failure(session, at, effect.code, effect.reason, effect.culprits, effect.causes));
        break;
    }
  }
  return { state, effects };
}

/** Releases the round, opens the next sessions, waits, or ends the run; called whenever one of these may have become possible. */
function decide(state: RunState, at: number, before: readonly RunEffect[]): RunStep {
  if (state.sessions.length > 0 || state.ended !== null || state.waiting === 'retry') {
    return { state, effects: before };
  }
  if (canConclude(state)) return { state, effects: [...before, { type: 'conclude' }] };
  if (state.paused) return { state, effects: before };
  const next = nextSession(state, at);
  if (next.type === 'finish') return { state, effects: [...before, record(next.event)] };
  const cohorts = cohortsThatCanOpen(state, next.round);
  if (cohorts.length === 0) {
    const cleared: RunEffect[] = state.waiting === 'gather' ? [{ type: 'clearTimer', timer: 'gather' }] : [];
    return { state: { ...state, waiting: 'nothing', gathered: false }, effects: [...before, ...cleared] };
  }
  const known = [...state.clients.values()];
  const undecided = known.some((client) => client.connected && client.answer === 'none');
  // Whose line broke a moment ago is likely to come back: a blink at the wrong moment must not cost it the round.
  const blinks = known.some(
    ({ answer, awaySince }) =>
      (answer === 'accepted' || answer === 'none') && awaySince !== null && at - awaySince < gatherMs,
  );
  const incomplete = !known.every(isReady) && (undecided || blinks || state.attempt === 0);
  if (incomplete && !state.gathered) {
    if (state.waiting === 'gather') return { state, effects: before };
    return {
      state: { ...state, waiting: 'gather' },
      effects: [...before, { type: 'setTimer', timer: 'gather', ms: gatherMs }],
    };
  }
  return { state, effects: [...before, record(next.open(cohorts))] };
}

function failure(
  session: LiveSession,
  at: number,
  code: string,
  reason: string,
  culprits: readonly string[],
  causes: readonly string[] = [],
): RunEffect {
  return record({
    type: 'sessionFailed',
    at,
    attempt: session.header.attempt,
    ...(session.header.group === undefined ? {} : { group: session.header.group }),
    code,
    reason: [reason, ...causes].join('; ').slice(0, 1_000),
    // What one client says of itself (a policy line, its budget) is not for the others.
    ...(causes.length === 0 ? {} : { told: reason }),
    culprits: [...culprits],
    mayBeCharged: session.mayBeCharged || session.charged,
  });
}

/** Tells a session's clients that it is over. */
function closeSession(session: LiveSession, messageOf: (session: LiveSession) => ServerMessage): RunEffect[] {
  const message = messageOf(session);
  return [
    { type: 'clearTimer', timer: `stage:${session.sessionId}` },
    ...session.cohort.flatMap((client): RunEffect[] => [
      { type: 'clearTimer', timer: `return:${client}` },
      send(client, message),
    ]),
    { type: 'forget', sessionId: session.sessionId },
  ];
}

function endMessages(state: RunState): RunEffect[] {
  return [...state.clients.keys()].map((client) => send(client, endMessage(state)));
}

function clearWaits(state: RunState): RunEffect[] {
  return state.waiting === 'nothing' ? [] : [{ type: 'clearTimer', timer: state.waiting }];
}

function record(event: RunEvent): RunEffect {
  return { type: 'record', event };
}

function send(client: string, message: ServerMessage): RunEffect {
  return { type: 'send', client, message };
}
