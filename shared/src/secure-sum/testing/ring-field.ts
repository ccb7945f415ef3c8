import type { CryptoPort } from '../../crypto/index.ts';
import { createGraph, type SumGraph } from '../graph.ts';
import {
  addVector,
  createSum,
  maskVector,
  onAgreeRequest,
  onUnmaskRequest,
  recoverSum,
  rosterHashOf,
  stepSum,
  verifySumMessage,
  type AgreeRequest,
  type Roster,
  type SumClientState,
  type SumEffect,
  type SumEvent,
  type SumMessage,
  type SumState,
  type UnmaskRequest,
} from '../index.ts';
import { clientsOf, keptState, requestOf, stoppedBefore } from './attacks.ts';
import { testContributions, type TestCohort } from './harness.ts';

/**
 * A cohort on the ring that has shared its keys and masked its vectors once, so that many ends of the session can be played from
 * there: the same states and uploads again and again, which no client allows.
 */
export type RingField = {
  readonly cohort: TestCohort;
  readonly clients: readonly string[];
  readonly roster: Roster;
  readonly graph: SumGraph;
  readonly contributions: ReadonlyMap<string, Int32Array>;
  /** Everything that was sent before the uploads. */
  readonly messages: readonly SumMessage[];
  /** The coordinator when everybody has confirmed and nobody uploaded. */
  readonly sum: SumState;
  /** Each client that has masked its vector, with what it sends. */
  readonly uploaded: ReadonlyMap<string, Uploaded>;
};

type Uploaded = {
  readonly message: SumMessage;
  readonly vector: Uint8Array;
  readonly fresh: () => SumClientState;
};

export async function createRingField(cohort: TestCohort, crypto: CryptoPort): Promise<RingField> {
  const clients = clientsOf(cohort);
  const contributions = testContributions(cohort);
  const stopped = await stoppedBefore(cohort, 'upload');
  let { state: sum } = createSum(cohort.rules, clients);
  for (const message of stopped.messages) ({ state: sum } = stepSum(sum, { type: 'message', message }));
  const uploaded = new Map<string, Uploaded>();
  for (const [client, state] of stopped.states) {
    const { state: after, ...sent } = await maskVector(state, contributions.get(client)!, {
      crypto,
      random: unused,
    });
    uploaded.set(client, { ...sent, fresh: keptState(after) });
  }
  const roster = requestOf(stopped, 'roster', clients[0]!);
  const graph = createGraph(clients, rosterHashOf(roster));
  return { cohort, clients, roster, graph, contributions, messages: stopped.messages, sum, uploaded };
}

/** When a client is gone: it sends nothing from this stage on. */
export type GoneFrom = 'upload' | 'agree' | 'unmask';

export type RingEnd = {
  readonly outcome: Awaited<ReturnType<typeof recoverSum>> | Extract<SumEffect, { type: 'failed' }>;
  readonly survivors: readonly string[];
  /** Clients that gave shares. */
  readonly answers: number;
};

/** Plays the session to its end, with some clients gone; every share is checked as it comes. */
export async function endOf(
  field: RingField,
  gone: ReadonlyMap<string, GoneFrom>,
  crypto: CryptoPort,
): Promise<RingEnd> {
  const ports = { crypto, random: unused };
  const accumulator = new Uint32Array(field.cohort.rules.header.dimension);
  const states = new Map([...field.uploaded].map(([client, { fresh }]) => [client, fresh()]));
  let { sum } = field;
  let effects: SumEffect[] = [];
  const feed = (event: SumEvent): void => {
    const step = stepSum(sum, event);
    sum = step.state;
    effects.push(...step.effects);
  };
  for (const [client, { message, vector }] of field.uploaded) {
    if (gone.get(client) === 'upload') continue;
    feed({ type: 'message', message });
    addVector(accumulator, vector);
  }
  let answers = 0;
  for (;;) {
    const now = effects;
    effects = [];
    for (const effect of now) {
      if (effect.type === 'failed') return { outcome: effect, survivors: sum.survivors, answers };
      if (effect.type === 'recover') {
        const outcome = await recoverSum(effect.job, accumulator, crypto);
        return { outcome, survivors: sum.survivors, answers };
      }
      if (effect.type !== 'send') continue;
      const { to, message: request } = effect;
      const from = gone.get(to);
      if (from === 'agree' || (from === 'unmask' && request.type === 'unmaskRequest')) continue;
      const next =
        request.type === 'agreeRequest'
          ? await onAgreeRequest(states.get(to)!, request, ports)
          : await onUnmaskRequest(states.get(to)!, request as UnmaskRequest, ports);
      states.set(to, next.state);
      if (next.message.type === 'unmask') {
        const fault = await verifySumMessage(sum, next.message, crypto);
        if (fault !== null) throw new Error(fault.reason);
        answers++;
      }
      feed({ type: 'message', message: next.message });
    }
    if (effects.length > 0) continue;
    if (sum.stage === 'recover' || sum.stage === 'failed') throw new Error('the session hangs');
    feed({ type: 'stageTimeout', stage: sum.stage });
  }
}

/** A client that has uploaded, asked to agree to some survivors. */
export function agreedBy(field: RingField, client: string, survivors: readonly string[], crypto: CryptoPort) {
  const { sessionId } = field.roster;
  const request: AgreeRequest = {
    type: 'agreeRequest',
    sessionId,
    sharers: [...field.clients],
    survivors: [...survivors],
  };
  return onAgreeRequest(field.uploaded.get(client)!.fresh(), request, { crypto, random: unused });
}

const unused = {
  secure: false,
  bytes: (): Uint8Array => {
    throw new Error('nothing is drawn after the shares');
  },
  words: (): void => {
    throw new Error('nothing is drawn after the shares');
  },
};
