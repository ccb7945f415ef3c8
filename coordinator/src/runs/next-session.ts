import { bandedSchedule, lastRound, planSlots, sessionCount, sessionHeaderFor, slotsOfRound } from '@sotto/shared/plan';
import { sessionIdOf } from '@sotto/shared/secure-sum';
import { bestFor, type WatchedRun } from './best-model.ts';
import type { Cohort } from './run-clients.ts';
import type { GroupsOpenedEvent, RunEvent, SessionOpenedEvent } from './run-events.ts';
import type { RunState } from './run-state.ts';

export type NextSession =
  | {
      readonly type: 'open';
      readonly round: number;
      /** One session for each of these groups, all of them of one attempt. */
      readonly open: (cohorts: readonly Cohort[]) => SessionOpenedEvent | GroupsOpenedEvent;
    }
  | { readonly type: 'finish'; readonly event: Extract<RunEvent, { type: 'finished' }> };

/**
 * What a run does next by its plan. Sessions are a budget: `sessionCount` + `spareAttempts` of them are what ε is stated for.
 * When failed attempts have eaten the spare ones the run ends early with what it has, and keeps the last session for the
 * evaluation of the final model. Where rounds differ in what they cost, a failed one cannot be made up for by leaving out another, so
 * such a run ends with its spare attempts.
 */
export function nextSession(state: RunState, at: number): NextSession {
  const { plan, planHash, runId } = state.facts;
  const { rounds } = plan.training;
  const left = sessionCount(plan) + plan.spareAttempts - state.sessionsUsed;
  const { watched } = state;
  let { round } = state;
  const failed = state.sessionsUsed - state.releasedSessions;
  if (bandedSchedule(plan) !== null && failed > plan.spareAttempts) {
    const trained = state.trainedRounds;
    const reason = `the spare attempts of the plan are used up after ${trained} of ${rounds} rounds`;
    return { type: 'finish', event: { type: 'finished', at, outcome: trained === 0 ? 'failed' : 'finished', reason } };
  }
  if (state.surveyStop !== null) {
    return { type: 'finish', event: { type: 'finished', at, outcome: 'failed', reason: state.surveyStop } };
  }
  const last = lastRound(plan);
  // Without its survey a run does not go on: it may be what says whether there is enough to train on.
  if (round > 0 && round <= rounds && left === 1) round = last;
  if (round > last || left <= 0) {
    const trained = state.trainedRounds;
    const reason =
      trained === rounds || watched.stoppedIn !== null
        ? left <= 0 && round <= last
          ? 'the sessions of the plan are used up; the last model was not evaluated'
          : stoppedWords(watched)
        : `the sessions of the plan are used up after ${trained} of ${rounds} rounds`;
    return { type: 'finish', event: { type: 'finished', at, outcome: trained === 0 ? 'failed' : 'finished', reason } };
  }
  const slots = slotsOfRound(plan, round);
  const usedUp = planSlots(plan).find(({ slot, count }) => slots.includes(slot) && state.slotsUsed[slot] >= count);
  if (usedUp !== undefined) {
    // Failed sessions carried it more often than there are spare ones: ε covers no further one.
    const reason = `the plan's ${usedUp.count} sessions with ${usedUp.slot} are used up in round ${round} of ${rounds}`;
    const outcome = state.trainedRounds === 0 ? 'failed' : 'finished';
    return { type: 'finish', event: { type: 'finished', at, outcome, reason } };
  }
  const session = ({ group, clients }: Cohort) => {
    const header = sessionHeaderFor(plan, {
      planHash,
      runId,
      round,
      attempt: state.attempt + 1,
      modelHash: bestFor(plan, watched, round) ?? state.modelHash,
      group,
      clipNormL2: slots.includes('training') ? state.clipNormL2 : null,
    });
    return { sessionId: sessionIdOf(header), header, cohort: [...clients] };
  };
  return {
    type: 'open',
    round,
    open: (cohorts) => {
      const sessions = cohorts.map(session);
      const [only] = sessions;
      if (plan.trust === 'grouped' || only === undefined) return { type: 'groupsOpened', at, sessions };
      return { type: 'sessionOpened', at, ...only };
    },
  };
}

/** Why training ended before its last round; null where it did not. */
function stoppedWords({ best, stoppedIn }: WatchedRun): string | null {
  if (stoppedIn === null || best === null) return null;
  return `training stopped early in round ${stoppedIn}; the model is the one that round ${best.round} evaluated, the best so far`;
}
