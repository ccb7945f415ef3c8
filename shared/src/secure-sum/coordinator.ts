import { memberOf, rosterHashOf, sessionIdOf, setsHashOf, plainRosterHash } from './binding.ts';
import {
  awaitedClients,
  awaitedCount,
  findIn,
  isAwaited,
  isIn,
  isOpen,
  levelsOf,
  lockedAmong,
  neededAnswers,
  stageClients,
  type Locked,
  type SumEffect,
  type SumEvent,
  type SumStage,
  type SumState,
  type SumStep,
} from './coordinator-state.ts';
import { createGraph, holdersIn, spreadFault } from './graph.ts';
import type { Confirm, Inbox, Roster, SumMessage } from './messages.ts';
import { firstRemoved } from './noise-chain.ts';
import { cohortFault } from './parameters.ts';
import type { SumRules } from './rules.ts';

/**
 * Opens the coordinator's side of a session. Pure, like every step: the driver performs the effects, sets the deadlines and
 * adds the uploaded vectors.
 * @param cohort - clients that were sent the session's opening
 */
export function createSum(rules: SumRules, cohort: readonly string[]): SumStep {
  const sessionId = sessionIdOf(rules.header);
  const plain = rules.header.trust !== 'secure';
  const stage = plain ? 'upload' : 'advertise';
  const state: SumState = {
    rules,
    sessionId,
    cohort: [...new Set(cohort)].sort(),
    stage,
    lost: new Map(),
    advertised: new Map(),
    roster: null,
    rosterHash: plain ? plainRosterHash(sessionId) : '',
    graph: null,
    holders: new Map(),
    shared: new Map(),
    sharers: [],
    confirmed: new Map(),
    uploaded: new Map(),
    survivors: [],
    setsHash: '',
    agreed: new Map(),
    signers: [],
    unmasked: new Map(),
  };
  const { state: after, effects } = advance(state);
  return after.stage === 'failed'
    ? { state: after, effects }
    : { state: after, effects: [{ type: 'stage', stage }, ...effects] };
}

/** One step of the coordinator's side. An event that the state does not wait for changes nothing. */
export function stepSum(state: SumState, event: SumEvent): SumStep {
  switch (event.type) {
    case 'message':
      return onMessage(state, event.message);
    case 'stageTimeout':
      return event.stage === state.stage ? onTimeout(state, event.stage) : { state, effects: [] };
    case 'lost':
      return onLost(state, event.client, event.reason);
  }
}

function onLost(state: SumState, client: string, reason: string): SumStep {
  if (state.lost.has(client) || !isIn(state.cohort, client)) return { state, effects: [] };
  const next = { ...state, lost: new Map(state.lost).set(client, reason) };
  // Whose shares it held: nobody else's can have become too few.
  return advance(next, next.holders.get(client) ?? []);
}

function onMessage(state: SumState, message: SumMessage): SumStep {
  const { client } = message;
  if (message.sessionId !== state.sessionId) return { state, effects: [] };
  if (message.type === 'confirm') return onConfirm(state, message);
  const early = message.type === 'upload' && state.rules.header.trust === 'secure' && !state.confirmed.has(client);
  if (message.type !== state.stage || early || !isAwaited(state, client)) return { state, effects: [] };
  return advance(withAnswer(state, message));
}

function withAnswer(state: SumState, message: Exclude<SumMessage, Confirm>): SumState {
  switch (message.type) {
    case 'advertise':
      return { ...state, advertised: new Map(state.advertised).set(message.client, message) };
    case 'share':
      return { ...state, shared: new Map(state.shared).set(message.client, message) };
    case 'upload':
      return { ...state, uploaded: new Map(state.uploaded).set(message.client, message) };
    case 'agree':
      return { ...state, agreed: new Map(state.agreed).set(message.client, message) };
    case 'unmask':
      return { ...state, unmasked: new Map(state.unmasked).set(message.client, message) };
  }
}

/** Both ends of a pair must have derived the same key; one of them lies or was lied to if not. */
function onConfirm(state: SumState, message: Confirm): SumStep {
  const { client } = message;
  const expected = state.stage === 'upload' && state.shared.has(client) && !state.lost.has(client);
  if (!expected || state.confirmed.has(client)) return { state, effects: [] };
  for (const { peer, tag } of message.tags) {
    const other = findIn(state.confirmed.get(peer)?.tags ?? [], client, (candidate) => candidate.peer);
    if (other === undefined || other.tag === tag) continue;
    const reason = `clients ${client} and ${peer} did not derive the same pair key`;
    return fail(state, 'KEY_MISMATCH', reason, [client, peer].sort());
  }
  return { state: { ...state, confirmed: new Map(state.confirmed).set(client, message) }, effects: [] };
}

/** The deadline passed: who has not answered is out, and the stage ends with those that have. */
function onTimeout(state: SumState, stage: SumStage): SumStep {
  const lost = new Map(state.lost);
  const effects: SumEffect[] = [];
  for (const client of awaitedClients(state)) {
    const reason = `client ${client} did not answer in time in stage ${stage}`;
    lost.set(client, reason);
    effects.push({ type: 'lost', client, code: 'DEADLINE_PASSED', reason });
  }
  const next = advance({ ...state, lost }, state.sharers);
  return { state: next.state, effects: [...effects, ...next.effects] };
}

/** Different reasons of lost clients that a failed session tells. */
const causesTold = 3;

/**
 * Ends the stage when nobody is waited for any more, or fails it as soon as too few can answer.
 * @param touched - clients whose holders may have become fewer
 */
function advance(state: SumState, touched: readonly string[] = []): SumStep {
  if (state.stage === 'recover' || state.stage === 'failed') return { state, effects: [] };
  const [asked, answered] = stageClients(state);
  const awaited = awaitedCount(state);
  const needed = neededAnswers(state);
  if (answered.size + awaited < needed) {
    const missing = asked.filter((client) => !answered.has(client) && state.lost.has(client));
    const left = `${answered.size + awaited} of ${state.cohort.length}`;
    const reason = `Round aborted in stage ${state.stage}: ${left} clients are left, ${needed} needed`;
    // Clients that leave say why, and may name another one, who dealt them bad shares.
    const causes = [...new Set(missing.map((client) => state.lost.get(client) ?? ''))].slice(0, causesTold);
    return fail(state, 'COHORT_TOO_SMALL', reason, missing, causes);
  }
  const dealt = touched.filter((client) => state.shared.has(client));
  const locked = state.stage === 'share' ? null : lockedAmong(state, dealt);
  if (locked !== null) return failLocked(state, locked);
  // Any t answers of each one's holders open the sum, and waiting for more would only let a slow client hold up the round; unless each
  // one's noise goes down by its answer. Whoever is asked has just signed the sets in time, and the stage's deadline bounds the wait.
  const removes = firstRemoved(levelsOf(state), state.survivors.length) !== null;
  const enough = state.stage === 'unmask' && answered.size >= needed && !removes && isOpen(state);
  return awaited === 0 || enough ? endStage(state, state.stage) : { state, effects: [] };
}

function endStage(state: SumState, stage: SumStage): SumStep {
  switch (stage) {
    case 'advertise':
      return toShare(state);
    case 'share':
      return toUpload(state);
    case 'upload':
      return state.rules.header.trust !== 'secure'
        ? toRecover({ ...state, survivors: [...state.uploaded.keys()].sort() })
        : toAgree(state);
    case 'agree':
      return toUnmask(state);
    case 'unmask':
      return toRecover(state);
  }
}

function toShare(state: SumState): SumStep {
  const { rules, sessionId, cohort, advertised } = state;
  const clients = [...advertised.keys()].sort();
  const fault = cohortFault(clients.length, rules.minSurvivors, rules.colluding);
  if (fault !== null) {
    const missing = cohort.filter((client) => !advertised.has(client));
    return fail(state, 'COHORT_TOO_SMALL', `stage advertise: ${fault}`, missing);
  }
  const roster: Roster = { type: 'roster', sessionId, entries: clients.map((client) => advertised.get(client)!) };
  const members = roster.entries.map(memberOf);
  const rosterHash = rosterHashOf({ ...roster, members });
  const graph = createGraph(clients, rosterHash);
  const holders = holdersIn(graph);
  const partFor = (to: string): Roster => {
    if (graph.ring === null) return roster;
    const near = [...(holders.get(to) ?? []), to].sort();
    return { type: 'roster', sessionId, entries: near.map((client) => advertised.get(client)!), members };
  };
  return begin(
    { ...state, stage: 'share', roster, rosterHash, graph, holders },
    'share',
    clients.map((to) => ({ type: 'send', to, message: partFor(to) })),
  );
}

function toUpload(state: SumState): SumStep {
  const { sessionId, shared } = state;
  const sharers = [...shared.keys()].sort();
  const inboxes = new Map<string, Inbox['dealt']>(sharers.map((holder) => [holder, []]));
  for (const dealer of sharers) {
    for (const { holder, ...dealt } of shared.get(dealer)!.shares) inboxes.get(holder)?.push({ dealer, ...dealt });
  }
  return begin(
    { ...state, stage: 'upload', sharers },
    'upload',
    sharers.map((to) => ({ type: 'send', to, message: { type: 'inbox', sessionId, dealt: inboxes.get(to)! } })),
  );
}

function toAgree(state: SumState): SumStep {
  const { sessionId, lost } = state;
  const sharers = [...state.sharers];
  const survivors = [...state.uploaded.keys()].sort();
  return begin(
    { ...state, stage: 'agree', survivors, setsHash: setsHashOf(sharers, survivors) },
    'agree',
    survivors
      .filter((to) => !lost.has(to))
      .map((to) => ({ type: 'send', to, message: { type: 'agreeRequest', sessionId, sharers, survivors } })),
  );
}

function toUnmask(state: SumState): SumStep {
  const { sessionId, lost } = state;
  const signers = [...state.agreed.keys()].sort();
  const { graph } = state;
  const fault = graph === null ? null : spreadFault(graph, new Set(signers));
  if (graph !== null && fault !== null) {
    const missing = graph.clients.filter((client) => !state.agreed.has(client));
    return fail(state, 'COHORT_TOO_SMALL', `Round aborted in stage agree: ${fault}`, missing);
  }
  const agreed = signers.map((client) => ({ client, signature: state.agreed.get(client)!.signature }));
  return begin(
    { ...state, stage: 'unmask', signers },
    'unmask',
    signers
      .filter((to) => !lost.has(to))
      .map((to) => ({ type: 'send', to, message: { type: 'unmaskRequest', sessionId, agreed } })),
  );
}

function toRecover(state: SumState): SumStep {
  const { rules, sessionId, rosterHash, graph, roster, sharers, survivors, unmasked } = state;
  const job = {
    header: rules.header,
    sessionId,
    rosterHash,
    threshold: graph?.threshold ?? 0,
    roster: roster?.entries ?? [],
    sharers,
    survivors,
    answers: [...unmasked.values()],
    levels: levelsOf(state),
    shared: state.shared,
    confirmed: state.confirmed,
  };
  return { state: { ...state, stage: 'recover' }, effects: [{ type: 'recover', job }] };
}

/** Enters a stage; clients may have been lost meanwhile, so it may be over or hopeless at once. */
function begin(state: SumState, stage: SumStage, sends: readonly SumEffect[]): SumStep {
  const next = advance(state, state.sharers);
  if (next.state.stage === 'failed') return next;
  return { state: next.state, effects: [{ type: 'stage', stage }, ...sends, ...next.effects] };
}

/** Nobody but its holders can open a sharer's secrets, and without them the sum stays masked. */
function failLocked(state: SumState, { dealer, left }: Locked): SumStep {
  const { stage, holders, lost, graph } = state;
  const all = holders.get(dealer) ?? [];
  const missing = all.filter((holder) => lost.has(holder));
  const causes = [...new Set(missing.map((client) => lost.get(client) ?? ''))].slice(0, causesTold);
  const reason = `Round aborted in stage ${stage}: ${left} of the ${all.length} holders of client ${dealer}'s shares are left, ${graph?.threshold} needed`;
  return fail(state, 'COHORT_TOO_SMALL', reason, missing, causes);
}

function fail(
  state: SumState,
  code: Extract<SumEffect, { type: 'failed' }>['code'],
  reason: string,
  culprits: readonly string[],
  causes: readonly string[] = [],
): SumStep {
  return { state: { ...state, stage: 'failed' }, effects: [{ type: 'failed', code, reason, culprits, causes }] };
}
