import { errorCodes, type ErrorCode } from '@sotto/shared/errors';
import { clipNormFault, sessionHeaderFor, slotsOfRound, type Plan } from '@sotto/shared/plan';
import type { ServerMessage } from '@sotto/shared/protocol';
import { sessionIdOf, type SessionHeader } from '@sotto/shared/secure-sum';
import { canonicalJson } from '@sotto/shared/vector';
import type {
  ClientEffect,
  ClientEvent,
  ClientState,
  ClientStep,
  RunOffer,
  RunView,
  SessionStage,
  SessionStep,
  SessionView,
  SumInput,
} from './machine-state.ts';
import type { Failure } from './told.ts';

/**
 * The client machine: what an honest client does, and in which order, as a pure function. Secrets never pass through it.
 *
 * Guarantees. A session is opened only for an accepted plan, with the header that the plan gives and an attempt above the durable
 * mark, for the sum of its own group alone, and left when a revoked client is put into it; nothing is uploaded before its charge;
 * each protocol step is done at most once, so that no request, repeated or changed, is answered twice. The data are first touched
 * when every message before the upload has been sent and answered: the work on them keeps the thread busy, and would otherwise
 * show in the times of those messages.
 */
export function stepClient(state: ClientState, event: ClientEvent): ClientStep {
  switch (event.type) {
    case 'message':
      return onMessage(state, event.message);
    case 'connected':
    case 'disconnected':
      return { state, effects: [notify({ type: event.type })] };
    case 'paused':
      return { state: { ...state, paused: true }, effects: [notify({ type: 'paused', reason: event.reason })] };
    case 'resumed':
      return { state: { ...state, paused: false }, effects: [notify({ type: 'resumed' })] };
    case 'offerAllowed':
      return onOfferAllowed(state, event);
    case 'offerRefused':
      return onOfferRefused(state, event);
    case 'opened':
      return inStep(state, event.sessionId, ['opening'], (session) => {
        const next: SessionView = { ...session, step: 'advertising' };
        return {
          state: withSession(withMark(state, session.header), next),
          effects: [{ type: 'sum', session: next, input: { step: 'begin' } }],
        };
      });
    case 'summed':
      return onSummed(state, event);
    case 'readyToContribute':
      return inStep(state, event.sessionId, ['advertising'], (session, plan) => contribute(state, session, plan));
    case 'contributed':
      return inStep(state, event.sessionId, ['contributing'], (session, plan) => {
        // What costs this thread time comes after the pace: before it, it would show when the work was done.
        const next: SessionView = { ...session, step: 'pacing' };
        return { state: withSession(state, next), effects: [{ type: 'waitPace', session: next, plan }] };
      });
    case 'paceReached':
      return inStep(state, event.sessionId, ['pacing'], (session, plan) => {
        const next: SessionView = { ...session, step: 'charging' };
        return { state: withSession(state, next), effects: [{ type: 'charge', session: next, plan }] };
      });
    case 'charged':
      return inStep(state, event.sessionId, ['charging'], (session) => {
        const next: SessionView = { ...session, step: 'masking' };
        const { round, attempt } = session.header;
        const { epsilonAfter, epsilonBudget } = event;
        return {
          state: withSession(state, next),
          effects: [
            notify({ type: 'charged', sessionId: session.sessionId, round, attempt, epsilonAfter, epsilonBudget }),
            { type: 'mask', session: next },
          ],
        };
      });
    case 'masked':
      return inStep(state, event.sessionId, ['masking'], (session) => {
        const next: SessionView = { ...session, step: 'uploading' };
        return { state: withSession(state, next), effects: [stage(next, 'upload'), { type: 'upload', session: next }] };
      });
    case 'replied':
      return onReplied(state, event);
    case 'failed':
      return inSession(state, event.sessionId, (session) => leaveOpen(state, session, event));
  }
}

function onMessage(state: ClientState, message: ServerMessage): ClientStep {
  switch (message.type) {
    case 'runOffer':
      return onRunOffer(state, message);
    case 'sessionOpen':
      return onSessionOpen(state, message);
    case 'roster':
      return onRoster(state, message);
    case 'inbox':
      return onSumRequest(state, message.sessionId, ['shared'], 'confirming', { step: 'inbox', message });
    case 'agreeRequest':
      // The request may overtake the answer to the upload.
      return onSumRequest(state, message.sessionId, ['uploading'], 'agreeing', { step: 'agree', message });
    case 'unmaskRequest':
      return onSumRequest(state, message.sessionId, ['agreed'], 'unmasking', { step: 'unmask', message });
    case 'sessionClosed': {
      const { sessionId, outcome, reason } = message;
      return inSession(state, sessionId, (session) => ({
        state: withoutSession(state, session),
        effects: [
          { type: 'drop', sessionId },
          notify({
            type: 'sessionClosed',
            runId: session.runId,
            sessionId,
            round: session.header.round,
            outcome,
            reason,
          }),
        ],
      }));
    }
    case 'runEnded':
      return onRunEnded(state, message);
  }
}

function onRunOffer(state: ClientState, offer: RunOffer): ClientStep {
  const run = state.runs.get(offer.runId);
  if (run === undefined) {
    const next: RunView = {
      runId: offer.runId,
      planHash: offer.planHash,
      phase: 'checking',
      plan: null,
      group: null,
      answer: null,
      newestAttempt: 0,
    };
    return { state: withRun(state, next), effects: [{ type: 'checkOffer', offer }] };
  }
  if (run.planHash !== offer.planHash) {
    return ignore(
      state,
      `run ${offer.runId} was offered with plan ${run.planHash}, and now with plan ${offer.planHash}`,
    );
  }
  // Whoever offers again has not seen the answer, or has forgotten it.
  return { state, effects: run.answer === null ? [] : [{ type: 'answerRun', message: run.answer }] };
}

function onOfferAllowed(
  state: ClientState,
  { offer, plan, group, revoked }: Extract<ClientEvent, { type: 'offerAllowed' }>,
): ClientStep {
  const run = state.runs.get(offer.runId);
  if (run?.phase !== 'checking') return { state, effects: [] };
  const { runId, planHash } = offer;
  const answer = { type: 'runAccept', runId } as const;
  // Lists only grow, and may come in another order than they were made in.
  const informed = { ...state, revoked: new Set([...state.revoked, ...revoked]) };
  return {
    state: withRun(informed, { ...run, phase: 'accepted', plan, group, answer }),
    effects: [notify({ type: 'accepted', runId, planHash, plan }), { type: 'answerRun', message: answer }],
  };
}

function onOfferRefused(state: ClientState, event: Extract<ClientEvent, { type: 'offerRefused' }>): ClientStep {
  const { runId, planHash } = event.offer;
  const run = state.runs.get(runId);
  if (run?.phase !== 'checking') return { state, effects: [] };
  const notice = notify({ type: 'refused', runId, planHash, code: event.code, reason: event.reason });
  if (event.code === 'UNREACHABLE' || event.code === 'NOT_FOUND') {
    // The plan could not be fetched: the next offer of the run is looked at afresh.
    const runs = new Map(state.runs);
    runs.delete(runId);
    return { state: { ...state, runs }, effects: [notice] };
  }
  const answer = { type: 'runRefuse', runId, code: event.code, reason: event.told.slice(0, 1_000) } as const;
  return {
    state: withRun(state, { ...run, phase: 'refused', answer }),
    effects: [notice, { type: 'answerRun', message: answer }],
  };
}

function onSessionOpen(
  state: ClientState,
  { sessionId, header, answered }: Extract<ServerMessage, { type: 'sessionOpen' }>,
): ClientStep {
  const { runId, round, attempt } = header;
  const run = state.runs.get(runId);
  const leave = (code: ErrorCode, reason: string): ClientStep => ({
    state,
    effects: [
      { type: 'leave', sessionId, code, told: reason },
      notify({ type: 'sessionLeft', sessionId, code, reason }),
    ],
  });
  if (run?.phase !== 'accepted' || run.plan === null || run.group === null) {
    return leave('MESSAGE_UNEXPECTED', `session of run ${runId}, which this client has not accepted`);
  }
  // An opening that comes twice, or late: this process answered that attempt already.
  if (attempt <= run.newestAttempt) return ignore(state, `attempt ${attempt} of run ${runId} came again or late`);
  // Said at once, so that the others do not wait for the deadline. Nothing is marked: the attempt was not answered.
  if (state.paused) return leave('CANCELLED', 'this client has paused');
  const mark = state.marks.get(run.planHash) ?? 0;
  if (attempt <= mark) {
    return leave('ATTEMPT_STALE', `attempt ${attempt} is not above ${mark}, the last one answered for this plan`);
  }
  if (answered > mark) {
    return leave(
      'LEDGER_ROLLED_BACK',
      `the coordinator has an upload of attempt ${answered}, the books of this client end at ${mark}: they are an old copy`,
    );
  }
  if (slotsOfRound(run.plan, round).length === 0) {
    return leave('MESSAGE_INVALID', `the plan has no session in round ${round}`);
  }
  const { planHash } = run;
  const { modelHash, clipNormL2 = null } = header;
  const fault = clipNormFault(run.plan, slotsOfRound(run.plan, round), clipNormL2);
  if (fault !== null) return leave('MESSAGE_INVALID', `the header of round ${round}, attempt ${attempt}: ${fault}`);
  const group = run.group.number;
  const expected = sessionHeaderFor(run.plan, { planHash, runId, round, attempt, modelHash, clipNormL2, group });
  if (canonicalJson(expected) !== canonicalJson(header) || sessionIdOf(expected) !== sessionId) {
    return leave(
      'MESSAGE_INVALID',
      `the header of round ${round}, attempt ${attempt} is not the one that the plan gives`,
    );
  }
  const session: SessionView = { sessionId, runId, header, step: 'opening' };
  const replaced = state.sessions.get(runId);
  const opened = withSession(withRun(state, { ...run, newestAttempt: attempt }), session);
  return {
    state: opened,
    effects: [
      ...(replaced === undefined ? [] : [{ type: 'drop', sessionId: replaced.sessionId } as const]),
      notify({ type: 'sessionOpened', runId, sessionId, round, rounds: run.plan.training.rounds, attempt }),
      { type: 'openSession', session, plan: run.plan },
    ],
  };
}

/** The coordinator says who is summed with: a client that the authority revoked must not be, whatever the signed plan lists. */
function onRoster(state: ClientState, message: Extract<ServerMessage, { type: 'roster' }>): ClientStep {
  const { sessionId, entries, members = [] } = message;
  return inStep(state, sessionId, ['advertised'], (session) => {
    const counted = [...entries, ...members].find(({ client }) => state.revoked.has(client));
    if (counted === undefined) {
      return onSumRequest(state, sessionId, ['advertised'], 'sharing', { step: 'roster', message });
    }
    const reason = `roster: the authority revoked client ${counted.client}`;
    return leaveOpen(state, session, { code: 'REVOKED', reason, toldCode: 'REVOKED', told: reason });
  });
}

function onSumRequest(
  state: ClientState,
  sessionId: string,
  expected: readonly SessionStep[],
  next: SessionStep,
  input: SumInput,
): ClientStep {
  return inStep(state, sessionId, expected, (session) => {
    const stepped: SessionView = { ...session, step: next };
    return { state: withSession(state, stepped), effects: [{ type: 'sum', session: stepped, input }] };
  });
}

function onSummed(state: ClientState, event: Extract<ClientEvent, { type: 'summed' }>): ClientStep {
  const { from, to, shown } = afterSum[event.step];
  return inStep(state, event.sessionId, [from], (session) => {
    const next: SessionView = { ...session, step: to };
    const effects: ClientEffect[] = [
      stage(next, shown),
      { type: 'sendInSession', sessionId: event.sessionId, message: event.message },
    ];
    return { state: withSession(state, next), effects };
  });
}

const afterSum: Readonly<Record<SumInput['step'], { from: SessionStep; to: SessionStep; shown: SessionStage }>> = {
  begin: { from: 'advertising', to: 'advertised', shown: 'advertise' },
  roster: { from: 'sharing', to: 'shared', shown: 'share' },
  inbox: { from: 'confirming', to: 'telling', shown: 'confirm' },
  agree: { from: 'agreeing', to: 'agreed', shown: 'agree' },
  unmask: { from: 'unmasking', to: 'unmasked', shown: 'unmask' },
};

/** The keys are confirmed: what is contributed to this session can be made, and its cohort is known to be large enough. */
function contribute(state: ClientState, session: SessionView, plan: Plan): ClientStep {
  const next: SessionView = { ...session, step: 'contributing' };
  return { state: withSession(state, next), effects: [{ type: 'contribute', session: next, plan }] };
}

function onReplied(state: ClientState, event: Extract<ClientEvent, { type: 'replied' }>): ClientStep {
  const { sessionId, to, reply } = event;
  if (reply.ok) {
    // The upload travels another way and must not overtake the tags, by which a bad key exchange is found before it.
    return to === 'confirm'
      ? inStep(state, sessionId, ['telling'], (session, plan) => contribute(state, session, plan))
      : { state, effects: [] };
  }
  // Whoever is told that a message of the session is refused is out of it; there is nothing to answer.
  return inSession(state, sessionId, (session) => ({
    state: withoutSession(state, session),
    effects: [
      { type: 'drop', sessionId },
      notify({
        type: 'sessionLeft',
        sessionId,
        code: knownCode(reply.code),
        reason: `the coordinator answered ${reply.code}: ${reply.message}`,
      }),
    ],
  }));
}

function onRunEnded(state: ClientState, message: Extract<ServerMessage, { type: 'runEnded' }>): ClientStep {
  const { runId, outcome, modelHash, reason } = message;
  const run = state.runs.get(runId);
  if (run?.phase === 'ended') return { state, effects: [] };
  const session = state.sessions.get(runId);
  const ended: RunView = {
    runId,
    planHash: run?.planHash ?? '',
    phase: 'ended',
    plan: run?.plan ?? null,
    group: null,
    answer: null,
    newestAttempt: run?.newestAttempt ?? 0,
  };
  const without = session === undefined ? state : withoutSession(state, session);
  return {
    state: withRun(without, ended),
    effects: [
      ...(session === undefined ? [] : [{ type: 'drop', sessionId: session.sessionId } as const]),
      { type: 'endRun', runId },
      notify({ type: 'runEnded', runId, outcome, modelHash, reason, plan: run?.plan ?? null }),
    ],
  };
}

function leaveOpen(state: ClientState, session: SessionView, failure: Failure): ClientStep {
  const { sessionId } = session;
  return {
    state: withoutSession(state, session),
    effects: [
      { type: 'drop', sessionId },
      { type: 'leave', sessionId, code: failure.toldCode, told: failure.told },
      notify({ type: 'sessionLeft', sessionId, code: failure.code, reason: failure.reason }),
    ],
  };
}

function inSession(
  state: ClientState,
  sessionId: string,
  act: (session: SessionView, plan: Plan) => ClientStep,
): ClientStep {
  for (const session of state.sessions.values()) {
    const plan = state.runs.get(session.runId)?.plan;
    if (session.sessionId === sessionId && plan) return act(session, plan);
  }
  return ignore(state, `no session ${sessionId} is open here`);
}

function inStep(
  state: ClientState,
  sessionId: string,
  expected: readonly SessionStep[],
  act: (session: SessionView, plan: Plan) => ClientStep,
): ClientStep {
  return inSession(state, sessionId, (session, plan) =>
    expected.includes(session.step)
      ? act(session, plan)
      : ignore(state, `session ${sessionId}: expected at step ${expected.join(' or ')}, got at step ${session.step}`),
  );
}

function ignore(state: ClientState, reason: string): ClientStep {
  return { state, effects: [notify({ type: 'ignored', code: 'MESSAGE_UNEXPECTED', reason })] };
}

function notify(notice: Extract<ClientEffect, { type: 'notify' }>['notice']): ClientEffect {
  return { type: 'notify', notice };
}

function stage(session: SessionView, shown: SessionStage): ClientEffect {
  return notify({ type: 'stage', sessionId: session.sessionId, round: session.header.round, stage: shown });
}

function withRun(state: ClientState, run: RunView): ClientState {
  return { ...state, runs: new Map(state.runs).set(run.runId, run) };
}

function withSession(state: ClientState, session: SessionView): ClientState {
  return { ...state, sessions: new Map(state.sessions).set(session.runId, session) };
}

function withoutSession(state: ClientState, session: SessionView): ClientState {
  const sessions = new Map(state.sessions);
  sessions.delete(session.runId);
  return { ...state, sessions };
}

function withMark(state: ClientState, header: SessionHeader): ClientState {
  const before = state.marks.get(header.planHash) ?? 0;
  return { ...state, marks: new Map(state.marks).set(header.planHash, Math.max(before, header.attempt)) };
}

function knownCode(code: string): keyof typeof errorCodes {
  return Object.keys(errorCodes).includes(code) ? (code as keyof typeof errorCodes) : 'MESSAGE_UNEXPECTED';
}
