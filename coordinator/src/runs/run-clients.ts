import { removableNoise, type Plan } from '@sotto/shared/plan';
import { cohortFault, type SessionHeader, type SumRules } from '@sotto/shared/secure-sum';
import type { RunClient, RunState } from './run-state.ts';

/** Whether a client can be in the next session. */
export function isReady(client: RunClient): boolean {
  return client.connected && client.answer === 'accepted';
}

/** Whether a session may begin with this many clients: enough survivors, and a threshold that fits the colluders. */
export function canOpenWith(plan: Plan, clients: number): boolean {
  const { minSurvivors, colluding } = plan.cohort;
  if (plan.trust !== 'secure') return clients >= Math.max(1, minSurvivors);
  return cohortFault(clients, minSurvivors, colluding) === null;
}

/** The smallest cohort that a session may begin with. */
export function fewestClients(plan: Plan): number {
  let clients = Math.max(1, plan.cohort.minSurvivors);
  while (clients < plan.roster.clients.length && !canOpenWith(plan, clients)) clients += 1;
  return clients;
}

/** What the secure sum of a session goes by. */
export function sumRulesOf(plan: Plan, header: SessionHeader): SumRules {
  return {
    header,
    identities: new Map(plan.roster.clients.map(({ client, identity }) => [client, identity])),
    minSurvivors: plan.cohort.minSurvivors,
    colluding: plan.cohort.colluding,
    removableNoise: removableNoise(plan),
  };
}

/** The state with some of one roster client's facts changed; others than roster clients change nothing. */
export function withClient(state: RunState, client: string, change: Partial<RunClient>): RunState {
  const known = state.clients.get(client);
  if (known === undefined) return state;
  return { ...state, clients: new Map(state.clients).set(client, { ...known, ...change }) };
}

/** The state with one client out of the open session. */
export function lostFromSession(state: RunState, client: string, reason: string): RunState {
  const next = withClient(state, client, { reason });
  if (next.session === null) return next;
  return { ...next, session: { ...next.session, lost: new Set(next.session.lost).add(client) } };
}
