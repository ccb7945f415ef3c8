import { epsilonOf } from '@sotto/shared/privacy';
import { planSlots, sessionCount, trainingChargedAtMost, type Plan } from '@sotto/shared/plan';
import type { RunStatus } from '@sotto/shared/protocol';
import { awaitedClients } from '@sotto/shared/secure-sum';
import { canOpenWith, fewestClients, isReady } from './run-clients.ts';
import type { RunClient, RunState } from './run-state.ts';

/** What only the driver knows of a run. */
export type RunTraffic = { readonly bytesUp: number; readonly bytesDown: number; readonly fault: string | null };

/** Everything about a run that may be shown: from plan, events and releases. */
export function runStatusOf(state: RunState, traffic: RunTraffic, epsilonSoFar: EpsilonSoFar): RunStatus {
  const { plan, planHash, runId } = state.facts;
  const { session } = state;
  const { privacy } = plan;
  const awaited = new Set(session === null ? [] : awaitedClients(session.sum));
  const cohort = new Set(session?.cohort);
  const secondsPerRound = state.releasedSessions === 0 ? null : state.releasedSeconds / state.releasedSessions;
  const left = sessionCount(plan) - Math.min(sessionCount(plan), state.round - 1);
  return {
    runId,
    name: plan.name,
    purpose: plan.purpose,
    planHash,
    state: phaseOf(state),
    reason: reasonOf(state, traffic.fault),
    trust: plan.trust,
    unit: plan.unit,
    minSurvivors: plan.cohort.minSurvivors,
    colluding: plan.cohort.colluding,
    round: Math.min(state.round, plan.training.rounds),
    rounds: plan.training.rounds,
    attempt: state.attempt,
    failedAttempts: state.failedAttempts,
    stage: session === null ? 'idle' : session.stage,
    stageEndsAt: session?.stageEndsAt == null ? null : new Date(session.stageEndsAt).toISOString(),
    clients: plan.roster.clients.map(({ client, name }) => {
      const known = state.clients.get(client);
      return {
        client,
        name,
        connected: known?.connected ?? false,
        state: known === undefined ? 'absent' : clientState(state, cohort, client, known),
        answered: session !== null && cohort.has(client) && !awaited.has(client) && !session.lost.has(client),
        reason: known?.reason ?? null,
        sessionsSurvived: known?.sessionsSurvived ?? 0,
      };
    }),
    privacy: {
      kind: privacy.kind,
      delta: privacy.kind === 'dp' ? privacy.delta : null,
      epsilon: privacy.kind === 'dp' ? privacy.epsilon : null,
      epsilonSoFar: epsilonSoFar(plan, 'training', state.trainingCharges, chargedRounds(state)),
      evaluationEpsilon: privacy.kind === 'dp' ? (privacy.evaluationEpsilon ?? null) : null,
      evaluationEpsilonSoFar: plan.evaluation && epsilonSoFar(plan, 'evaluation', state.evaluationCharges, 0),
    },
    evaluations: [...state.evaluations],
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

type EpsilonSoFar = (
  plan: Plan,
  slot: 'training' | 'evaluation',
  charges: number,
  /** Training rounds that one of the charges each belongs to; the others are of attempts that failed. */
  rounds: number,
) => number | null;

function chargedRounds({ trainedRounds, session }: RunState): number {
  return trainedRounds + (session?.charged && session.header.slots.includes('training') ? 1 : 0);
}

/**
 * ε of the charges so far at one slot's floor: an upper bound to show beside the plan's, never the guarantee
 * (soundness.md §3). Remembers the last answer, since it is asked for several times a second.
 */
export function createEpsilonSoFar(): EpsilonSoFar {
  const known = new Map<string, number | null>();
  return (plan, slot, charges, rounds) => {
    const key = `${slot}/${charges}/${rounds}`;
    const kept = known.get(key);
    if (kept !== undefined) return kept;
    if (plan.privacy.kind === 'none') return null;
    const event = planSlots(plan).find((candidate) => candidate.slot === slot)?.event;
    const counts =
      slot === 'training' ? trainingChargedAtMost(plan, charges, rounds) : event ? [{ event, count: charges }] : [];
    const epsilon = charges === 0 ? 0 : epsilonOf(counts, plan.privacy.delta).epsilon;
    known.set(key, epsilon);
    return epsilon;
  };
}

function phaseOf(state: RunState): RunStatus['state'] {
  if (state.ended !== null) return state.ended.outcome;
  if (state.session !== null) return 'running';
  if (state.paused) return 'paused';
  return state.waiting === 'retry' || (state.attempt > 0 && enough(state)) ? 'running' : 'waiting';
}

function enough(state: RunState): boolean {
  return canOpenWith(state.facts.plan, readyCount(state));
}

function readyCount(state: RunState): number {
  return [...state.clients.values()].filter(isReady).length;
}

function reasonOf(state: RunState, fault: string | null): string | null {
  if (fault !== null) return fault;
  if (state.ended !== null) return state.ended.reason;
  if (state.session !== null) return null;
  if (state.waiting === 'retry') return state.lastFailure;
  if (state.paused) return 'paused by the operator';
  if (!enough(state)) {
    const waits = `waiting for clients: ${readyCount(state)} of at least ${fewestClients(state.facts.plan)} are ready`;
    return state.lastFailure === null ? waits : `${waits}; last failure: ${state.lastFailure}`;
  }
  return null;
}

function clientState(
  state: RunState,
  cohort: ReadonlySet<string>,
  client: string,
  known: RunClient,
): RunStatus['clients'][number]['state'] {
  if (known.answer === 'refused' || known.answer === 'revoked') return 'refused';
  if (state.session !== null && cohort.has(client)) return state.session.lost.has(client) ? 'lost' : 'inSession';
  if (!known.connected) return 'absent';
  return known.answer === 'accepted' ? 'ready' : 'offered';
}
