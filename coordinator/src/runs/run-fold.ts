import { createSum } from '@sotto/shared/secure-sum';
import { sumRulesOf, withClient } from './run-clients.ts';
import type { ReleasedEvent, RunEvent } from './run-events.ts';
import { stageMs } from './run-waits.ts';
import type { RecentRound, RunState } from './run-state.ts';

/** Rounds that the timeline shows. */
const recentRoundsMax = 60;

/** Alarms that a status shows. */
const alarmsMax = 20;

/** The durable part of the run machine: the state after an event. Replaying all events of a run gives its state again. */
export function applyRunEvent(state: RunState, event: RunEvent): RunState {
  switch (event.type) {
    case 'runSubmitted':
      return { ...state, submittedAt: event.at, modelHash: event.modelHash };
    case 'sessionOpened': {
      const { header, cohort } = event;
      const sum = createSum(sumRulesOf(state.facts.plan, header), cohort);
      const stage = header.trust !== 'secure' ? 'upload' : 'advertise';
      return {
        ...state,
        attempt: header.attempt,
        round: header.round,
        waiting: 'nothing',
        gathered: false,
        session: {
          sessionId: event.sessionId,
          header,
          cohort,
          openedAt: event.at,
          sum: sum.state,
          stage,
          mayBeCharged: stage === 'upload',
          charged: false,
          lost: new Set(),
          stageEndsAt: event.at + stageMs(state.facts.plan, stage),
          outstanding: new Map(),
        },
      };
    }
    case 'sessionCharged': {
      if (state.session === null) return state;
      const { slots } = state.session.header;
      return {
        ...state,
        session: { ...state.session, charged: true },
        trainingCharges: state.trainingCharges + (slots.includes('training') ? 1 : 0),
        evaluationCharges: state.evaluationCharges + (slots.includes('evaluation') ? 1 : 0),
      };
    }
    case 'released': {
      let next: RunState = {
        ...state,
        session: null,
        round: event.round + 1,
        trainedRounds: event.round <= state.facts.plan.training.rounds ? event.round : state.trainedRounds,
        sessionsUsed: state.sessionsUsed + 1,
        slotsUsed: withSlots(state),
        failedInRound: 0,
        failuresInRow: 0,
        lastFailure: null,
        modelHash: event.modelHash,
        clipNormL2: event.clipNormL2 ?? state.clipNormL2,
        evaluations: event.evaluation === null ? state.evaluations : [...state.evaluations, event.evaluation],
        recentRounds: withRound(
          state,
          event.at,
          'released',
          event.alarm ?? null,
          event.survivors.length,
          event.releaseNorm,
        ),
        alarms: withAlarm(state, event),
        releasedSeconds: state.releasedSeconds + secondsOpen(state, event.at),
        releasedSessions: state.releasedSessions + 1,
      };
      for (const client of event.survivors) {
        const survived = next.clients.get(client)?.sessionsSurvived ?? 0;
        next = withClient(next, client, { sessionsSurvived: survived + 1, answeredAttempt: event.attempt });
      }
      return next;
    }
    case 'sessionFailed': {
      const reason = `${event.code}: ${event.reason}`;
      let clients = state;
      for (const client of state.session?.sum.uploaded.keys() ?? []) {
        clients = withClient(clients, client, { answeredAttempt: event.attempt });
      }
      return {
        ...clients,
        session: null,
        sessionsUsed: state.sessionsUsed + (event.mayBeCharged ? 1 : 0),
        slotsUsed: event.mayBeCharged ? withSlots(state) : state.slotsUsed,
        failedAttempts: state.failedAttempts + 1,
        failedInRound: state.failedInRound + (event.mayBeCharged ? 1 : 0),
        failuresInRow: state.failuresInRow + 1,
        lastFailure: reason,
        recentRounds: withRound(state, event.at, 'failed', reason, 0, null),
      };
    }
    case 'paused':
      return { ...state, paused: true };
    case 'resumed':
      return { ...state, paused: false };
    case 'stopped':
      // How far an open session had come is not durable here, so it counts as charged.
      return {
        ...state,
        session: null,
        slotsUsed: withSlots(state),
        ended: { outcome: 'stopped', reason: event.reason, at: event.at },
      };
    case 'finished':
      return { ...state, session: null, ended: { outcome: event.outcome, reason: event.reason, at: event.at } };
  }
}

/** The open session counted. */
function withSlots({ session, slotsUsed }: RunState): RunState['slotsUsed'] {
  const has = (slot: 'training' | 'evaluation') => (session?.header.slots.includes(slot) ? 1 : 0);
  return { training: slotsUsed.training + has('training'), evaluation: slotsUsed.evaluation + has('evaluation') };
}

function withAlarm({ alarms }: RunState, { round, attempt, alarm }: ReleasedEvent): RunState['alarms'] {
  return alarm == null ? alarms : [...alarms, { round, attempt, reason: alarm }].slice(-alarmsMax);
}

function secondsOpen(state: RunState, at: number): number {
  return state.session === null ? 0 : Math.max(0, at - state.session.openedAt) / 1_000;
}

function withRound(
  state: RunState,
  at: number,
  outcome: RecentRound['outcome'],
  reason: string | null,
  survivors: number,
  releaseNorm: number | null,
): readonly RecentRound[] {
  const { session } = state;
  if (session === null) return state.recentRounds;
  const round: RecentRound = {
    round: session.header.round,
    attempt: session.header.attempt,
    outcome,
    reason,
    survivors,
    cohort: session.cohort.length,
    seconds: secondsOpen(state, at),
    releaseNorm,
  };
  return [...state.recentRounds, round].slice(-recentRoundsMax);
}
