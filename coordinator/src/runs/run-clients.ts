import { groupsNeeded, groupSizes, isSummedSecretly, removableNoise, type Plan } from '@sotto/shared/plan';
import { cohortFault, type SessionHeader, type SumRules } from '@sotto/shared/secure-sum';
import type { LiveSession, RunClient, RunFacts, RunState } from './run-state.ts';

/** Whether a client can be in the next session. */
export function isReady(client: RunClient | undefined): boolean {
  return client !== undefined && client.connected && client.answer === 'accepted';
}

/** Whether a session may begin with this many clients: enough survivors, and a threshold that fits the colluders. */
function canOpenWith(plan: Plan, clients: number): boolean {
  const { minSurvivors, colluding } = plan.cohort;
  if (!isSummedSecretly(plan)) return clients >= Math.max(1, minSurvivors);
  return cohortFault(clients, minSurvivors, colluding) === null;
}

/** The smallest number of clients with which a round may begin. */
export function fewestClients(plan: Plan): number {
  const size = Math.min(...groupSizes(plan));
  let clients = Math.max(1, plan.cohort.minSurvivors);
  while (clients < size && !canOpenWith(plan, clients)) clients += 1;
  return clients * groupsNeeded(plan);
}

/** The clients of a group that are ready. */
export type Cohort = { readonly group: number; readonly clients: readonly string[] };

/**
 * The groups of a round that still lack their sum and have enough ready clients. None where, with all of them, the round would
 * have fewer sums than the plan needs: nobody is charged for a round that cannot be released.
 */
export function cohortsThatCanOpen({ facts, clients, groupSums }: RunState, round: number): readonly Cohort[] {
  const released = new Set(groupSums.flatMap((sum) => (sum.round === round ? [sum.group] : [])));
  const cohorts = facts.groups.flatMap((members, group): Cohort[] => {
    if (released.has(group)) return [];
    const ready = members.filter((client) => isReady(clients.get(client)));
    return canOpenWith(facts.plan, ready.length) ? [{ group, clients: ready }] : [];
  });
  return released.size + cohorts.length < groupsNeeded(facts.plan) ? [] : cohorts;
}

/** Whether the round that is under way has the sums of as many groups as the plan needs, and no session is open any more. */
export function canConclude({ facts, groupSums, sessions, round }: RunState): boolean {
  if (facts.plan.trust !== 'grouped' || sessions.length > 0) return false;
  return groupSums.filter((sum) => sum.round === round).length >= groupsNeeded(facts.plan);
}

/** What the secure sum of a session goes by: nobody but its group can be in it. */
export function sumRulesOf({ plan, groups }: Pick<RunFacts, 'plan' | 'groups'>, header: SessionHeader): SumRules {
  return {
    header,
    identities: identitiesOf(plan, groups[header.group ?? 0] ?? []),
    minSurvivors: plan.cohort.minSurvivors,
    colluding: plan.cohort.colluding,
    removableNoise: removableNoise(plan),
  };
}

/** By the list of a group's members: of many groups each is asked for in every attempt, and again at every restart. */
const identitiesKnown = new WeakMap<readonly string[], ReadonlyMap<string, string>>();

function identitiesOf(plan: Plan, members: readonly string[]): ReadonlyMap<string, string> {
  let known = identitiesKnown.get(members);
  if (known === undefined) {
    const inGroup = new Set(members);
    known = new Map(
      plan.roster.clients.flatMap(({ client, identity }) => (inGroup.has(client) ? [[client, identity]] : [])),
    );
    identitiesKnown.set(members, known);
  }
  return known;
}

/** The open session of that id. */
export function sessionById({ sessions }: RunState, sessionId: string): LiveSession | null {
  return sessions.find((session) => session.sessionId === sessionId) ?? null;
}

/** The open session that a client is in and not lost from. */
export function sessionWith({ sessions }: RunState, client: string): LiveSession | null {
  return sessions.find(({ cohort, lost }) => cohort.includes(client) && !lost.has(client)) ?? null;
}

/** The state with one of its open sessions changed. */
export function withSession(state: RunState, session: LiveSession): RunState {
  const sessions = state.sessions.map((open) => (open.sessionId === session.sessionId ? session : open));
  return { ...state, sessions };
}

/** The state with some of one roster client's facts changed; others than roster clients change nothing. */
export function withClient(state: RunState, client: string, change: Partial<RunClient>): RunState {
  const known = state.clients.get(client);
  if (known === undefined) return state;
  return { ...state, clients: new Map(state.clients).set(client, { ...known, ...change }) };
}

/** The state with one client out of an open session. */
export function lostFromSession(state: RunState, sessionId: string, client: string, reason: string): RunState {
  const next = withClient(state, client, { reason });
  const session = sessionById(next, sessionId);
  if (session === null) return next;
  return withSession(next, { ...session, lost: new Set(session.lost).add(client) });
}
