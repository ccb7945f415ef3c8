import { createSum } from '@sotto/shared/secure-sum';
import { roundAfter, watchRelease } from './best-model.ts';
import { sumRulesOf, withClient } from './run-clients.ts';
import type { GroupReleasedEvent, ReleasedEvent, RunEvent, SessionOpenedEvent } from './run-events.ts';
import { stageMs } from './run-waits.ts';
import { withSlots, type LiveSession, type RecentRound, type RunState } from './run-state.ts';

/** Rounds that the timeline shows. */
const recentRoundsMax = 60;

/** Alarms that a status shows. */
const alarmsMax = 20;

/** The durable part of the run machine: the state after an event. Replaying all events of a run gives its state again. */
export function applyRunEvent(state: RunState, event: RunEvent): RunState {
  return { ...fold(state, event), events: state.events + 1 };
}

function fold(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'runSubmitted':
      return { ...state, submittedAt: event.at, modelHash: event.modelHash };
    case 'sessionOpened':
      return withOpened(state, event.at, [event]);
    case 'groupsOpened':
      return withOpened(state, event.at, event.sessions);
    case 'sessionCharged': {
      const [first] = state.sessions;
      if (first === undefined) return state;
      return {
        ...state,
        sessions: state.sessions.map((session) => ({ ...session, charged: true })),
        slotsCharged: withSlots(state.slotsCharged, first.header.slots),
      };
    }
    case 'groupReleased': {
      const { round, group, survivors, sumHash } = event;
      const session = state.sessions.find(({ header }) => header.group === group);
      const sum = { round, group, survivors, sumHash, cohort: session?.cohort.length ?? survivors.length };
      return {
        ...withSurvivors(withCounted(state), survivors, event.attempt),
        sessions: without(state, group),
        groupSums: [...state.groupSums, sum],
        alarms: withAlarm(state, event, `group ${group}: `),
      };
    }
    case 'released': {
      const { plan } = state.facts;
      // In a round that trains the model before is the newest one.
      const watched = watchRelease(plan, state.watched, { ...event, modelBefore: state.modelHash });
      const next: RunState = {
        ...withCounted(state),
        sessions: [],
        groupSums: [],
        round: roundAfter(plan, watched, event.round),
        watched,
        trainedRounds: event.round <= plan.training.rounds ? event.round : state.trainedRounds,
        failedInRound: 0,
        failuresInRow: 0,
        lastFailure: null,
        modelHash: event.modelHash,
        clipNormL2: event.clipNormL2 ?? state.clipNormL2,
        evaluations: event.evaluation === null ? state.evaluations : [...state.evaluations, event.evaluation],
        recentRounds: withRound(state, state.opening.clients, {
          at: event.at,
          outcome: 'released',
          reason: event.alarm ?? null,
          survivors: event.survivors.length,
          releaseNorm: event.releaseNorm,
        }),
        alarms: withAlarm(state, event),
        surveyStop: event.stop ?? state.surveyStop,
        releasedSeconds: state.releasedSeconds + secondsOpen(state, event.at),
        releasedSessions: state.releasedSessions + 1,
      };
      // Groups' survivors were noted with the sums of their groups.
      return event.groups === undefined ? withSurvivors(next, event.survivors, event.attempt) : next;
    }
    case 'sessionFailed': {
      const session = state.sessions.find(({ header }) => header.group === event.group);
      const reason = `${event.code}: ${event.group === undefined ? '' : `group ${event.group}: `}${event.reason}`;
      let next = event.mayBeCharged ? withCounted(state) : state;
      for (const client of session?.sum.uploaded.keys() ?? []) {
        next = withClient(next, client, { answeredAttempt: event.attempt });
      }
      return {
        ...next,
        sessions: without(state, event.group),
        failedAttempts: state.failedAttempts + 1,
        failedInRound: state.failedInRound + (event.mayBeCharged ? 1 : 0),
        failuresInRow: state.failuresInRow + 1,
        lastFailure: reason,
        recentRounds:
          session === undefined
            ? state.recentRounds
            : withRound(state, session.cohort.length, {
                at: event.at,
                outcome: 'failed',
                reason,
                survivors: 0,
                releaseNorm: null,
              }),
      };
    }
    case 'paused':
      return { ...state, paused: true };
    case 'resumed':
      return { ...state, paused: false };
    case 'stopped':
      return {
        // How far open sessions had come is not durable here, so they count as charged.
        ...(state.sessions.length === 0 ? state : withCounted(state)),
        sessions: [],
        ended: { outcome: 'stopped', reason: event.reason, at: event.at },
      };
    case 'finished':
      return { ...state, sessions: [], ended: { outcome: event.outcome, reason: event.reason, at: event.at } };
  }
}

function withOpened(
  state: RunState,
  at: number,
  opened: readonly Pick<SessionOpenedEvent, 'sessionId' | 'header' | 'cohort'>[],
): RunState {
  const [first] = opened;
  if (first === undefined) return state;
  const { attempt, round } = first.header;
  const groupSums = state.groupSums.filter((sum) => sum.round === round);
  const sessions = opened.map(({ sessionId, header, cohort }): LiveSession => {
    const stage = header.trust !== 'secure' ? 'upload' : 'advertise';
    return {
      sessionId,
      event: state.events,
      header,
      cohort,
      openedAt: at,
      sum: createSum(sumRulesOf(state.facts, header), cohort).state,
      stage,
      mayBeCharged: stage === 'upload',
      charged: false,
      lost: new Set(),
      stageEndsAt: at + stageMs(state.facts.plan, stage),
      outstanding: new Map(),
    };
  });
  const clients = [...groupSums.map(({ cohort }) => cohort), ...opened.map(({ cohort }) => cohort.length)];
  return {
    ...state,
    attempt,
    round,
    waiting: 'nothing',
    gathered: false,
    groupSums,
    opening: { at, clients: clients.reduce((sum, count) => sum + count, 0) },
    sessions,
  };
}

/** The newest attempt counted against the plan's sessions, once. */
function withCounted(state: RunState): RunState {
  const { attempt, countedAttempt, sessions, sessionsUsed, slotsUsed } = state;
  if (countedAttempt === attempt) return state;
  return {
    ...state,
    countedAttempt: attempt,
    sessionsUsed: sessionsUsed + 1,
    slotsUsed: withSlots(slotsUsed, sessions[0]?.header.slots ?? []),
  };
}

/** The open sessions without a group's; without the one that there is, where it has no group. */
function without({ sessions }: RunState, group: number | undefined): readonly LiveSession[] {
  return sessions.filter(({ header }) => header.group !== group);
}

function withSurvivors(state: RunState, survivors: readonly string[], attempt: number): RunState {
  const clients = new Map(state.clients);
  for (const client of survivors) {
    const known = clients.get(client);
    if (known === undefined) continue;
    clients.set(client, { ...known, sessionsSurvived: known.sessionsSurvived + 1, answeredAttempt: attempt });
  }
  return { ...state, clients };
}

function withAlarm(
  { alarms }: RunState,
  { round, attempt, alarm }: Pick<ReleasedEvent | GroupReleasedEvent, 'round' | 'attempt' | 'alarm'>,
  where = '',
): RunState['alarms'] {
  return alarm == null ? alarms : [...alarms, { round, attempt, reason: `${where}${alarm}` }].slice(-alarmsMax);
}

function secondsOpen({ opening, attempt }: RunState, at: number): number {
  return attempt === 0 ? 0 : Math.max(0, at - opening.at) / 1_000;
}

function withRound(
  state: RunState,
  cohort: number,
  { at, ...told }: Pick<RecentRound, 'outcome' | 'reason' | 'survivors' | 'releaseNorm'> & { readonly at: number },
): readonly RecentRound[] {
  const { round, attempt } = state;
  return [...state.recentRounds, { round, attempt, ...told, cohort, seconds: secondsOpen(state, at) }].slice(
    -recentRoundsMax,
  );
}
