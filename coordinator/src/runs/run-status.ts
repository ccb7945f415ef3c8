import { epsilonOf } from '@sotto/shared/privacy';
import {
  epsilonFieldOf,
  firstRound,
  groupsNeeded,
  planSlots,
  sessionCount,
  trainingChargedAtMost,
  type EpsilonField,
  type Plan,
} from '@sotto/shared/plan';
import type { RunStatus } from '@sotto/shared/protocol';
import { awaitedClients } from '@sotto/shared/secure-sum';
import type { RunProgress } from './ports.ts';
import { cohortsThatCanOpen, fewestClients, isReady } from './run-clients.ts';
import type { LiveSession, RunClient, RunState, SlotCounts } from './run-state.ts';

/** What only the driver knows of a run. */
export type RunTraffic = { readonly bytesUp: number; readonly bytesDown: number; readonly fault: string | null };

/** How far a run is: what {@link runStatusOf} says of it, without all the rest. */
export function runProgressOf(state: RunState): RunProgress {
  return { state: phaseOf(state), attempt: state.attempt, stage: sessionBehind(state)?.stage ?? 'idle' };
}

/** The session that is furthest behind. */
function sessionBehind({ sessions }: RunState): LiveSession | undefined {
  return sessions.toSorted((a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage))[0];
}

/** Everything about a run that may be shown: from plan, events and releases. */
export function runStatusOf(state: RunState, traffic: RunTraffic, epsilonSoFar: EpsilonSoFar): RunStatus {
  const { plan, planHash, runId } = state.facts;
  const { sessions } = state;
  const { privacy } = plan;
  const cohort = new Set(sessions.flatMap((session) => session.cohort));
  const lost = new Set(sessions.flatMap((session) => [...session.lost]));
  const behind = sessionBehind(state);
  // A client whose group is further on has answered the stage that is shown.
  const awaited = new Set(sessions.flatMap(({ sum, stage }) => (stage === behind?.stage ? awaitedClients(sum) : [])));
  const secondsPerRound = state.releasedSessions === 0 ? null : state.releasedSeconds / state.releasedSessions;
  const left = sessionCount(plan) - Math.min(sessionCount(plan), state.round - firstRound(plan));
  return {
    runId,
    name: plan.name,
    purpose: plan.purpose,
    planHash,
    ...runProgressOf(state),
    reason: reasonOf(state, traffic.fault),
    trust: plan.trust,
    unit: plan.unit,
    minSurvivors: plan.cohort.minSurvivors,
    colluding: plan.cohort.colluding,
    round: state.watched.stoppedIn ?? Math.min(state.round, plan.training.rounds),
    rounds: plan.training.rounds,
    failedAttempts: state.failedAttempts,
    ...groupsOf(state),
    stageEndsAt: behind?.stageEndsAt == null ? null : new Date(behind.stageEndsAt).toISOString(),
    clients: plan.roster.clients.map(({ client, name }) => {
      const known = state.clients.get(client);
      return {
        client,
        name,
        connected: known?.connected ?? false,
        state: known === undefined ? 'absent' : clientState(known, cohort.has(client), lost.has(client)),
        answered: cohort.has(client) && !awaited.has(client) && !lost.has(client),
        reason: known?.reason ?? null,
        sessionsSurvived: known?.sessionsSurvived ?? 0,
        ...(known?.device == null ? {} : { device: known.device }),
      };
    }),
    privacy: {
      kind: privacy.kind,
      delta: privacy.kind === 'dp' ? privacy.delta : null,
      epsilon: privacy.kind === 'dp' ? privacy.epsilon : null,
      epsilonSoFar: epsilonSoFar(plan, 'epsilon', state.slotsCharged, chargedRounds(state)),
      evaluationEpsilon: privacy.kind === 'dp' ? (privacy.evaluationEpsilon ?? null) : null,
      evaluationEpsilonSoFar:
        plan.evaluation && epsilonSoFar(plan, 'evaluationEpsilon', state.slotsCharged, chargedRounds(state)),
      ...(plan.report === undefined
        ? {}
        : {
            reportEpsilon: privacy.kind === 'dp' ? (privacy.reportEpsilon ?? null) : null,
            reportEpsilonSoFar: epsilonSoFar(plan, 'reportEpsilon', state.slotsCharged, chargedRounds(state)),
          }),
    },
    evaluations: [...state.evaluations],
    ...(plan.training.earlyStopping === undefined
      ? {}
      : { earlyStopping: { bestRound: state.watched.best?.round ?? null, stoppedIn: state.watched.stoppedIn } }),
    recentRounds: [...state.recentRounds],
    alarms: [...state.alarms],
    bytesUp: traffic.bytesUp,
    bytesDown: traffic.bytesDown,
    secondsPerRound,
    secondsLeft: secondsPerRound === null || state.ended !== null ? null : secondsPerRound * left,
    modelHash: state.modelHash,
    startedAt: new Date(state.submittedAt).toISOString(),
    endedAt: state.ended === null ? null : new Date(state.ended.at).toISOString(),
  };
}

/** In their order. */
const stages: readonly LiveSession['stage'][] = ['advertise', 'share', 'upload', 'agree', 'unmask', 'release'];

type EpsilonSoFar = (
  plan: Plan,
  field: EpsilonField,
  charged: SlotCounts,
  /** Training rounds that one of the charges each belongs to; the others are of attempts that failed. */
  rounds: number,
) => number | null;

function chargedRounds({ trainedRounds, sessions }: RunState): number {
  const [session] = sessions;
  return trainedRounds + (session?.charged && session.header.slots.includes('training') ? 1 : 0);
}

/** How the round's groups stand; nothing where the cohort is one. */
function groupsOf({ facts, sessions, groupSums, round }: RunState): Pick<RunStatus, 'groups'> {
  if (facts.plan.trust !== 'grouped') return {};
  const released = groupSums.filter((sum) => sum.round === round).length;
  return {
    groups: { total: facts.groups.length, needed: groupsNeeded(facts.plan), open: sessions.length, released },
  };
}

/**
 * ε of the charges so far of the slots that count in one stated ε, at their floors: an upper bound to show beside the plan's, never the
 * guarantee (soundness.md §3). Remembers the last answer, since it is asked for several times a second.
 */
export function createEpsilonSoFar(): EpsilonSoFar {
  const known = new Map<string, number | null>();
  return (plan, field, charged, rounds) => {
    const key = JSON.stringify([field, charged, rounds]);
    const kept = known.get(key);
    if (kept !== undefined) return kept;
    if (plan.privacy.kind === 'none') return null;
    const counts = planSlots(plan)
      .filter(({ slot }) => epsilonFieldOf(plan, slot) === field && charged[slot] > 0)
      .flatMap(({ slot, event }) => {
        if (slot === 'training') return trainingChargedAtMost(plan, charged.training, rounds);
        return event === null ? [] : [{ event, count: charged[slot] }];
      });
    const epsilon = counts.length === 0 ? 0 : epsilonOf(counts, plan.privacy.delta).epsilon;
    known.set(key, epsilon);
    return epsilon;
  };
}

function phaseOf(state: RunState): RunStatus['state'] {
  if (state.ended !== null) return state.ended.outcome;
  if (state.sessions.length > 0) return 'running';
  if (state.paused) return 'paused';
  return state.waiting === 'retry' || (state.attempt > 0 && enough(state)) ? 'running' : 'waiting';
}

function enough(state: RunState): boolean {
  return cohortsThatCanOpen(state, state.round).length > 0;
}

function readyCount(state: RunState): number {
  return [...state.clients.values()].filter((client) => isReady(client)).length;
}

function reasonOf(state: RunState, fault: string | null): string | null {
  if (fault !== null) return fault;
  if (state.ended !== null) return state.ended.reason;
  if (state.sessions.length > 0) return null;
  if (state.waiting === 'retry') return state.lastFailure;
  if (state.paused) return 'paused by the operator';
  if (!enough(state)) {
    const { plan } = state.facts;
    const where =
      plan.trust === 'grouped' ? `, ${plan.cohort.minSurvivors} or more in each of ${groupsNeeded(plan)} groups,` : '';
    const waits = `waiting for clients: ${readyCount(state)} of at least ${fewestClients(plan)}${where} are ready`;
    return state.lastFailure === null ? waits : `${waits}; last failure: ${state.lastFailure}`;
  }
  return null;
}

function clientState(known: RunClient, asked: boolean, lost: boolean): RunStatus['clients'][number]['state'] {
  if (known.answer === 'refused' || known.answer === 'revoked') return 'refused';
  if (asked) return lost ? 'lost' : 'inSession';
  if (!known.connected) return 'absent';
  return known.answer === 'accepted' ? 'ready' : 'offered';
}
