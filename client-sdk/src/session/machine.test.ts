import { completePlan, planHashOf, sessionHeaderFor, type Plan } from '@sotto/shared/plan';
import type { ServerMessage } from '@sotto/shared/protocol';
import { sessionIdOf } from '@sotto/shared/secure-sum';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialClientState, type ClientEffect, type ClientEvent, type ClientState } from './machine-state.ts';
import { stepClient } from './machine.ts';
import { firstPace, paceUpload } from './pace.ts';

const plan = completePlan({
  version: 1,
  name: 'test',
  purpose: 'test',
  authority: 'aa'.repeat(32),
  roster: {
    kind: 'pinned',
    clients: [1, 2, 3, 4].map((n) => ({ client: `0${n}`.repeat(20), name: `c${n}`, identity: `0${n}`.repeat(32) })),
  },
  schema: {
    name: 's',
    unitId: null,
    columns: [{ kind: 'number', name: 'x', min: 0, max: 1, centre: 0, scale: 1 }],
    target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
  },
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  loss: 'binaryCrossEntropy',
  initialWeights: { generator: 'glorot-uniform-v1', seed: 'ab'.repeat(32) },
  unit: 'record',
  adjacency: 'addOrRemove',
  split: { validation: 0, test: 0 },
  cohort: { minSurvivors: 4, colluding: 1 },
  privacy: { kind: 'dp', delta: 1e-5, epsilon: 1 },
  training: {
    query: { kind: 'gradient', samplingNumerator: 4_294_967_296, clipNormL2: 1, expectedBatch: 10 },
    strategy: { kind: 'fedSgd', learningRate: 1 },
    rounds: 5,
    paceMs: 100,
  },
});
const planHash = planHashOf(plan);
const runId = 'cd'.repeat(16);
const offer = {
  type: 'runOffer',
  runId,
  signedPlanBlob: '00'.repeat(32),
  planHash,
  certificates: [],
} as const satisfies ServerMessage;

function opening(round: number, attempt: number, answered = 0) {
  const header = sessionHeaderFor(plan, { planHash, runId, round, attempt, modelHash: '11'.repeat(32) });
  return { type: 'sessionOpen', sessionId: sessionIdOf(header), header, answered } as const;
}

function play(events: readonly ClientEvent[], start = initialClientState(new Map())) {
  const effects: ClientEffect[] = [];
  let state: ClientState = start;
  for (const event of events) {
    const step = stepClient(state, event);
    state = step.state;
    effects.push(...step.effects);
  }
  return { state, effects, did: effects.filter(({ type }) => type !== 'notify').map(({ type }) => type) };
}

const group = { number: 0, members: plan.roster.clients.map(({ client }) => client) };
const revoked: ReadonlySet<string> = new Set();
const message = (content: ServerMessage): ClientEvent => ({ type: 'message', message: content });
const accepted: readonly ClientEvent[] = [message(offer), { type: 'offerAllowed', offer, plan, group, revoked }];
const first = opening(1, 1);
const { sessionId } = first;
const roster: ServerMessage = { type: 'roster', sessionId, entries: [] };
const inbox: ServerMessage = { type: 'inbox', sessionId, dealt: [] };
const agreeRequest: ServerMessage = { type: 'agreeRequest', sessionId, sharers: [], survivors: [] };
const unmaskRequest: ServerMessage = { type: 'unmaskRequest', sessionId, agreed: [] };
const answer = { type: 'agree', sessionId, client: '01'.repeat(20), signature: '00'.repeat(64) } as const;
const summed = (step: 'begin' | 'roster' | 'inbox' | 'agree' | 'unmask'): ClientEvent => ({
  type: 'summed',
  sessionId,
  step,
  message: answer,
});

/** The whole of an undisturbed session. */
const session: readonly ClientEvent[] = [
  message(first),
  { type: 'opened', sessionId },
  summed('begin'),
  message(roster),
  summed('roster'),
  message(inbox),
  summed('inbox'),
  { type: 'replied', sessionId, to: 'confirm', reply: { ok: true } },
  { type: 'contributed', sessionId },
  { type: 'paceReached', sessionId },
  { type: 'charged', sessionId, epsilonAfter: 0.1, epsilonBudget: 10 },
  { type: 'masked', sessionId },
  { type: 'replied', sessionId, to: 'upload', reply: { ok: true } },
  message(agreeRequest),
  summed('agree'),
  message(unmaskRequest),
  summed('unmask'),
];

describe('a revoked client', () => {
  const out = plan.roster.clients[3]!.client;
  const key = '22'.repeat(32);
  const entry = (client: string) =>
    ({ type: 'advertise', sessionId, client, maskKey: key, sealKey: key, signature: '00'.repeat(64) }) as const;
  const others = plan.roster.clients.slice(0, 3).map(({ client }) => client);
  const after = (message_: ServerMessage) =>
    play([
      message(offer),
      { type: 'offerAllowed', offer, plan, group, revoked: new Set([out]) },
      message(first),
      { type: 'opened', sessionId },
      summed('begin'),
      message(message_),
    ]);

  it('is summed with in no session: whoever is told of it in the roster leaves', () => {
    const everybody = [...others, out];
    const ofRing = everybody.map((client) => ({ client, entryHash: '33'.repeat(32) }));
    for (const told of [
      { type: 'roster', sessionId, entries: everybody.map(entry) },
      // On the ring not every entry comes: the list of members tells.
      { type: 'roster', sessionId, entries: others.map(entry), members: ofRing },
    ] as const satisfies ServerMessage[]) {
      const { state, effects } = after(told);
      expect(state.sessions.size).toBe(0);
      const reason = `roster: the authority revoked client ${out}`;
      expect(effects.slice(-3)).toEqual([
        { type: 'drop', sessionId },
        { type: 'leave', sessionId, code: 'REVOKED', told: reason },
        { type: 'notify', notice: { type: 'sessionLeft', sessionId, code: 'REVOKED', reason } },
      ]);
    }
  });

  it('is out of the runs that were accepted before it was revoked, too', () => {
    const later = { ...offer, runId: 'ef'.repeat(16) } as const;
    const { effects } = play([
      ...accepted,
      message(later),
      { type: 'offerAllowed', offer: later, plan, group, revoked: new Set([out]) },
      message(first),
      { type: 'opened', sessionId },
      summed('begin'),
      message({ type: 'roster', sessionId, entries: [...others, out].map(entry) }),
    ]);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'leave', sessionId, code: 'REVOKED' }));
  });

  it('keeps nobody from summing without it', () => {
    expect(after({ type: 'roster', sessionId, entries: others.map(entry) }).effects.at(-1)).toMatchObject({
      type: 'sum',
      input: { step: 'roster' },
    });
  });
});

describe('the round’s bound in a header', () => {
  const query = { kind: 'update', clipNormL2: 1, localEpochs: 1, batchSize: 8, learningRate: 0.1 } as const;
  const adaptive: Plan = {
    ...plan,
    unit: 'client',
    training: {
      ...plan.training,
      query: {
        ...query,
        proximal: 0,
        adaptiveClip: { quantile: 0.5, learningRate: 0.2, clipNormMin: 0.1, clipNormMax: 10 },
      },
      strategy: { kind: 'fedAvg', learningRate: 1 },
    },
  };
  const openedWith = (of: Plan, clipNormL2: number | undefined) => {
    const facts = { planHash, runId, round: 1, attempt: 1, modelHash: '11'.repeat(32) };
    const bare = sessionHeaderFor(of, { ...facts, clipNormL2: of === adaptive ? 1 : null });
    const header = { ...bare, clipNormL2 };
    const open = { type: 'sessionOpen', sessionId: sessionIdOf(header), header, answered: 0 } as const;
    return play([message(offer), { type: 'offerAllowed', offer, plan: of, group, revoked }, message(open)]).effects.at(
      -1,
    );
  };

  it('is taken within the plan’s limits', () => {
    expect(openedWith(adaptive, 2.5)).toMatchObject({ type: 'openSession', session: { header: { clipNormL2: 2.5 } } });
    expect(openedWith(plan, undefined)).toMatchObject({ type: 'openSession' });
  });

  it.each([
    ['above the limits', adaptive, 10.5],
    ['below the limits', adaptive, 0.05],
    ['missing', adaptive, undefined],
    ['where the plan has its own', plan, 1],
  ])('%s ends the session', (_, of, clipNormL2) => {
    expect(openedWith(of, clipNormL2)).toMatchObject({
      type: 'notify',
      notice: { type: 'sessionLeft', code: 'MESSAGE_INVALID' },
    });
  });
});

describe('stepClient', () => {
  it('goes through a session in one order: mark, keys, contribution, pace, charge, mask, upload, agree, unmask', () => {
    expect(play([...accepted, ...session]).did).toEqual([
      'checkOffer',
      'answerRun',
      'openSession',
      'sum',
      'sendInSession',
      'sum',
      'sendInSession',
      'sum',
      'sendInSession',
      'contribute',
      'waitPace',
      'charge',
      'mask',
      'upload',
      'sum',
      'sendInSession',
      'sum',
      'sendInSession',
    ]);
  });

  it('leaves new sessions while it is paused, finishes the open one, and answers the next attempt when it goes on', () => {
    const paused: ClientEvent = { type: 'paused', reason: 'the battery is in use' };
    const inside = play([...accepted, ...session.slice(0, 4), paused, ...session.slice(4)]);
    expect(inside.did).toEqual(play([...accepted, ...session]).did);
    const outside = play([...accepted, paused, message(opening(1, 1))]);
    expect(outside.did).toEqual(['checkOffer', 'answerRun', 'leave']);
    expect(outside.effects).toContainEqual(
      expect.objectContaining({ type: 'leave', code: 'CANCELLED', told: 'this client has paused' }),
    );
    const after = play([{ type: 'resumed' }, message(opening(1, 2))], outside.state);
    expect(after.did).toEqual(['openSession']);
    expect(play([paused, message(offer), { type: 'offerAllowed', offer, plan, group, revoked }]).did).toContain(
      'answerRun',
    );
  });

  it('A23: touches no data before the coordinator has taken the pair tags, and sends nothing from then until the upload', () => {
    const untold = session.filter((event) => !(event.type === 'replied' && event.to === 'confirm'));
    const { did: before } = play([...accepted, ...untold]);
    expect(before).not.toContain('contribute');
    expect(before).not.toContain('charge');
    const { did } = play([...accepted, ...session]);
    expect(did.slice(did.indexOf('contribute'), did.indexOf('upload') + 1)).toEqual([
      'contribute',
      'waitPace',
      'charge',
      'mask',
      'upload',
    ]);
  });

  it('charges no contribution that comes out of its turn', () => {
    const early = [...session.slice(0, 2), { type: 'contributed', sessionId } as const, ...session.slice(2, 8)];
    expect(play([...accepted, ...early]).did.at(-1)).toBe('contribute');
  });

  // Failure: any effect that spends or reveals happens twice, or an upload without its charge before it. Stalling is no failure.
  it('A4: does each step at most once, whatever is repeated, dropped or reordered', () => {
    const other = opening(1, 2);
    const pool: readonly ClientEvent[] = [
      ...accepted,
      ...session,
      message(other),
      message({ type: 'agreeRequest', sessionId, sharers: [], survivors: ['02'.repeat(20)] }),
      message({ type: 'agreeRequest', sessionId: other.sessionId, sharers: [], survivors: [] }),
      { type: 'disconnected' },
      { type: 'connected' },
      { type: 'failed', sessionId, code: 'ROSTER_INVALID', reason: 'x', toldCode: 'ROSTER_INVALID', told: 'x' },
      { type: 'replied', sessionId, to: 'share', reply: { ok: false, code: 'MESSAGE_UNEXPECTED', message: 'x' } },
    ];
    const disturbed = fc
      .array(fc.record({ at: fc.nat({ max: session.length }), extra: fc.constantFrom(...pool) }), { maxLength: 12 })
      .map((extras) => {
        const events = [...session];
        for (const { at, extra } of extras) events.splice(at, 0, extra);
        return [...accepted, ...events];
      });
    fc.assert(
      fc.property(disturbed, (events) => {
        const { effects } = play(events);
        const seen = new Set<string>();
        for (const effect of effects) {
          const key =
            effect.type === 'sum'
              ? `${effect.session.sessionId} ${effect.input.step}`
              : 'session' in effect
                ? `${effect.session.sessionId} ${effect.type}`
                : null;
          if (key === null) continue;
          expect(seen.has(key), key).toBe(false);
          seen.add(key);
          if (effect.type === 'upload') expect(seen.has(`${effect.session.sessionId} charge`)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('A4: leaves a session whose attempt is not above the durable mark, as after a restart', () => {
    const marked = initialClientState(new Map([[planHash, 3]]));
    const { effects, did } = play([...accepted, message(opening(2, 3))], marked);
    expect(did).toEqual(['checkOffer', 'answerRun', 'leave']);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'leave', code: 'ATTEMPT_STALE' }));
    expect(play([...accepted, message(opening(2, 4))], marked).did.at(-1)).toBe('openSession');
  });

  it('leaves a session when its books are older than what the coordinator has of it', () => {
    const marked = initialClientState(new Map([[planHash, 3]]));
    const { effects, did } = play([...accepted, message(opening(2, 9, 4))], marked);
    expect(did).toEqual(['checkOffer', 'answerRun', 'leave']);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'leave', code: 'LEDGER_ROLLED_BACK' }));
    expect(play([...accepted, message(opening(2, 9, 3))], marked).did.at(-1)).toBe('openSession');
    // What this process answered counts at once.
    expect(play([...accepted, ...session, message(opening(2, 2, 1))]).did.at(-1)).toBe('openSession');
  });

  it('A19: leaves a session of a run that it did not accept, or with a header that the plan does not give', () => {
    expect(play([message(first)]).did).toEqual(['leave']);
    expect(play([message(offer), message(first)]).did).toEqual(['checkOffer', 'leave']);
    const altered: readonly (typeof first)[] = [
      { ...first, sessionId: '99'.repeat(32) },
      { ...first, header: { ...first.header, dimension: 3 } },
      { ...first, header: { ...first.header, planHash: '77'.repeat(32) } },
      { ...first, header: { ...first.header, slots: ['evaluation'] } },
      { ...first, header: { ...first.header, round: 6 } },
      { ...first, header: { ...first.header, trust: 'trusted' } },
    ];
    for (const one of altered) expect(play([...accepted, message(one)]).did.at(-1)).toBe('leave');
  });

  it('a newer session replaces the open one, and the old one comes to nothing', () => {
    const { did, state } = play([
      ...accepted,
      ...session.slice(0, 10),
      message(opening(1, 2)),
      { type: 'charged', sessionId, epsilonAfter: 1, epsilonBudget: 10 },
    ]);
    expect(did.slice(-2)).toEqual(['drop', 'openSession']);
    expect(state.sessions.get(runId)?.header.attempt).toBe(2);
  });

  it('uploads nothing after a refused charge', () => {
    const events: readonly ClientEvent[] = [
      ...accepted,
      ...session.slice(0, 10),
      {
        type: 'failed',
        sessionId,
        code: 'BUDGET_EXCEEDED',
        reason: 'secret numbers',
        toldCode: 'BUDGET_EXCEEDED',
        told: 'policy line budget',
      },
      ...session.slice(11),
    ];
    const { did, effects } = play(events);
    expect(did).not.toContain('upload');
    expect(effects).toContainEqual({ type: 'leave', sessionId, code: 'BUDGET_EXCEEDED', told: 'policy line budget' });
  });

  it('answers a repeated offer with the same answer, and a failed fetch by looking again', () => {
    expect(play([...accepted, message(offer)]).did).toEqual(['checkOffer', 'answerRun', 'answerRun']);
    const lost: ClientEvent = { type: 'offerRefused', offer, code: 'UNREACHABLE', reason: 'x', told: 'x' };
    expect(play([message(offer), lost, message(offer)]).did).toEqual(['checkOffer', 'checkOffer']);
    const refused: ClientEvent = { type: 'offerRefused', offer, code: 'PLAN_REFUSED', reason: 'x', told: 'y' };
    const { effects } = play([message(offer), refused, message(offer), message(first)]);
    expect(effects.filter(({ type }) => type === 'answerRun').length).toBe(2);
    expect(effects.filter(({ type }) => type === 'leave').length).toBe(1);
  });
});

describe('paceUpload', () => {
  const deadline = 120_000;

  it('A23: leaves one pace after the work began, however long it took within it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e3, max: 100 }), (ran) => {
        const { waitMs, state } = paceUpload(firstPace, ran, 100, deadline);
        expect(Math.max(0, ran) + waitMs).toBe(100);
        expect(state.factor).toBe(1);
      }),
    );
    expect(paceUpload(firstPace, 9, 0, deadline)).toEqual({ waitMs: 0, state: firstPace });
  });

  // What an observer sees is the moments of the uploads; work of 110 to 390 ms must give the same ones.
  it('A23: shows nothing but doublings of work that is longer than the pace', () => {
    const moments = (works: readonly number[]) => {
      let pace = firstPace;
      return works.map((ran) => {
        const { waitMs, state } = paceUpload(pace, ran, 100, deadline);
        pace = state;
        return ran + waitMs;
      });
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 14 }), (works) => {
        expect(moments([390, ...works])).toEqual([400, ...works.map(() => 400)]);
      }),
    );
    // After a single long one the factor comes down again, one halving in 16 sessions.
    expect(moments([390, ...Array<number>(40).fill(10)]).filter((moment) => moment === 400).length).toBe(17);
  });

  it('never waits past half of the deadline for the sake of a doubling', () => {
    const leaves = (ran: number): number => ran + paceUpload(firstPace, ran, 100, deadline).waitMs;
    expect(leaves(70_050)).toBe(75_000);
    // Work of minutes, a report's say, is told to an eighth of the deadline and not to a tenth of a second.
    const seen = new Set(Array.from({ length: 1_000 }, (_, i) => leaves(52_000 + 53 * i)));
    expect([...seen]).toEqual([60_000, 75_000, 90_000, 105_000]);
    expect(leaves(105_010)).toBe(105_100);
  });
});
