import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { isSottoError } from '../errors/index.ts';
import { clientMessageSchema, serverMessageSchema } from '../protocol/index.ts';
import { createSeededRandom, uniformBelow, type RandomSource } from '../random/index.ts';
import {
  addVector,
  createSum,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  stepSum,
  uploadSchema,
  verifySumMessage,
  type SumClientState,
  type SumMessage,
  type SumRequest,
  type SumState,
} from './index.ts';
import { clientsOf, coded, keptState, requestOf, stoppedBefore } from './testing/attacks.ts';
import { runSession, testCohort, testContributions, testHeader } from './testing/harness.ts';

/**
 * Recorded messages, changed at random, against the decoders and steps that both sides really use. A failure is: anything but a
 * refusal with a code (a crash), or a changed message that is taken. Not a failure: a request whose change says the same thing,
 * such as signatures in another order.
 */
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('fuzz') };
const trials = 50_000;

describe('malformed messages', () => {
  it('A14: 50,000 changed messages of clients: the coordinator crashes at none and takes none', async () => {
    // minSurvivors = n: nobody may be left out, so that no change makes another request that is right as well.
    const cohort = await testCohort(4, crypto, { minSurvivors: 4 });
    const { messages } = await runSession(cohort, testContributions(cohort), { crypto });
    const other = await testCohort(4, crypto, { minSurvivors: 4, header: testHeader(5, { attempt: 2 }) });
    const foreign = (await runSession(other, testContributions(other), { crypto })).messages;
    const waiting = statesBefore(cohort, messages);
    const random = createSeededRandom('fuzz of the coordinator');
    const counts = { malformed: 0, refused: 0, same: 0 };
    for (let trial = 0; trial < trials; trial++) {
      const at = uniformBelow(random, messages.length);
      const message = messages[at]!;
      const state = waiting[at]!;
      const schema = message.type === 'upload' ? uploadSchema : clientMessageSchema;
      const parsed = schema.safeParse(changed(message, [...messages, ...foreign], random));
      if (!parsed.success) {
        counts.malformed++;
        continue;
      }
      const taken = parsed.data as SumMessage;
      if (JSON.stringify(taken) === JSON.stringify(message)) {
        counts.same++;
        continue;
      }
      const fault = await verifySumMessage(state, taken, crypto);
      if (fault === null) {
        // Tags are not signed: the other end's tag, which is there already, tells.
        expect(taken.type).toBe('confirm');
        expect(stepSum(state, { type: 'message', message: taken }).effects).toMatchObject([{ code: 'KEY_MISMATCH' }]);
      }
      counts.refused++;
    }
    expect(counts.refused).toBeGreaterThan(trials / 20);
    expect(counts.malformed).toBeGreaterThan(trials / 4);
  });

  it('A14: 50,000 changed requests of the coordinator: a client crashes at none and answers none', async () => {
    const cohort = await testCohort(4, crypto, { minSurvivors: 4 });
    const [client] = clientsOf(cohort);
    const stages = { roster: 'share', inbox: 'confirm', agreeRequest: 'agree', unmaskRequest: 'unmask' } as const;
    const asked: { request: SumRequest; fresh: () => SumClientState }[] = [];
    for (const type of ['roster', 'inbox', 'agreeRequest', 'unmaskRequest'] as const) {
      const stopped = await stoppedBefore(cohort, stages[type]);
      const request = requestOf(stopped, type, client!);
      // t − 1 signatures besides the own one: not one of them can be spared.
      const least =
        request.type === 'unmaskRequest'
          ? { ...request, agreed: request.agreed.filter((given) => given.client !== client).slice(0, 2) }
          : request;
      asked.push({ request: least, fresh: keptState(stopped.states.get(client!)!) });
    }
    const requests = asked.map(({ request }) => request);
    const random = createSeededRandom('fuzz of a client');
    const counts = { malformed: 0, refused: 0, same: 0 };
    for (let trial = 0; trial < trials; trial++) {
      const { request, fresh } = asked[uniformBelow(random, asked.length)]!;
      const parsed = serverMessageSchema.safeParse(changed(request, requests, random));
      if (!parsed.success) {
        counts.malformed++;
        continue;
      }
      const taken = parsed.data as SumRequest;
      try {
        await answerTo(fresh(), taken);
        expect(saysTheSame(taken, request)).toBe(true);
        counts.same++;
      } catch (error) {
        if (!isSottoError(error)) throw error;
        counts.refused++;
      }
    }
    expect(counts.refused).toBeGreaterThan(trials / 20);
    expect(counts.malformed).toBeGreaterThan(trials / 4);
  });

  it('A14: a vector of any other length is turned away and leaves the sum as it was', () => {
    const sum = new Uint32Array([1, 2, 3]);
    for (let length = 0; length < 40; length++) {
      if (length === 12) continue;
      expect(() => addVector(sum, new Uint8Array(length).fill(7))).toThrow(/expected 12 bytes/);
    }
    expect(() => addVector(sum, new Uint8Array(13))).toSatisfy(thrown(coded('UPLOAD_INVALID')));
    expect([...sum]).toEqual([1, 2, 3]);
  });
});

function thrown(fits: (error: unknown) => boolean) {
  return (action: () => void): boolean => {
    try {
      action();
      return false;
    } catch (error) {
      return fits(error);
    }
  };
}

/** For each message the state in which it alone, of all the messages of its stage, is still awaited. */
function statesBefore(
  cohort: Parameters<typeof clientsOf>[0] & { readonly rules: Parameters<typeof createSum>[0] },
  messages: readonly SumMessage[],
): SumState[] {
  return messages.map((awaited) => {
    let { state } = createSum(cohort.rules, clientsOf(cohort));
    const order = ['advertise', 'share', 'confirm', 'upload', 'agree', 'unmask'];
    const before = messages.filter(
      (message) => message !== awaited && order.indexOf(message.type) <= order.indexOf(awaited.type),
    );
    // The last client to unmask is not awaited any more: three are enough. It is asked first.
    const early = awaited.type === 'unmask' ? before.filter(({ type }) => type !== 'unmask') : before;
    for (const message of early) ({ state } = stepSum(state, { type: 'message', message }));
    return state;
  });
}

async function answerTo(state: SumClientState, request: SumRequest): Promise<unknown> {
  switch (request.type) {
    case 'roster':
      return onRoster(state, request, ports);
    case 'inbox':
      return onInbox(state, request, ports);
    case 'agreeRequest':
      return onAgreeRequest(state, request, ports);
    case 'unmaskRequest':
      return onUnmaskRequest(state, request, ports);
  }
}

function saysTheSame(taken: SumRequest, request: SumRequest): boolean {
  if (taken.type !== 'unmaskRequest' || request.type !== 'unmaskRequest') {
    return JSON.stringify(taken) === JSON.stringify(request);
  }
  return request.agreed.every(({ client, signature }) =>
    taken.agreed.some((given) => given.client === client && given.signature === signature),
  );
}

const junk: readonly unknown[] = [
  null,
  undefined,
  true,
  0,
  -1,
  -0,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  1e308,
  '',
  'x',
  '0'.repeat(63),
  'G'.repeat(64),
  '\u0000',
  '\ud800',
  [],
  {},
  [[]],
  { type: 'advertise' },
  'z'.repeat(100_000),
  Array.from({ length: 300 }, () => 'aa'.repeat(20)),
];

/** A deep copy with one to three changes, each at a random place. */
function changed(message: SumMessage | SumRequest, all: readonly (SumMessage | SumRequest)[], random: RandomSource) {
  const copy: unknown = structuredClone(message);
  if (uniformBelow(random, 100) === 0) return pick(random, junk);
  for (let changes = 1 + uniformBelow(random, 3); changes > 0; changes--) {
    const [holder, key] = place(copy, random);
    const value = holder[key];
    switch (uniformBelow(random, 7)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 1:
        holder[key] = pick(random, junk);
        break;
      case 2:
        if (Array.isArray(holder)) holder.push(structuredClone(value));
        else holder[pick(random, ['extra', '__proto__', 'toString', ''])] = value;
        break;
      case 3:
        holder[key] = typeof value === 'string' ? value.toUpperCase() : [value];
        break;
      case 4:
        // The like of it elsewhere: a field of the same name in another message.
        holder[key] = structuredClone(Object.entries(pick(random, all)).find(([name]) => name === key)?.[1] ?? value);
        break;
      default:
        if (Array.isArray(value)) value.reverse();
        else if (typeof value === 'string') holder[key] = withOtherDigit(value, random);
    }
  }
  return copy;
}

function place(root: unknown, random: RandomSource): [Record<string, unknown>, string] {
  let holder = root as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(holder);
    if (keys.length === 0) return [holder, 'type'];
    const key = pick(random, keys);
    const below = holder[key];
    if (typeof below !== 'object' || below === null || uniformBelow(random, 4) === 0) return [holder, key];
    holder = below as Record<string, unknown>;
  }
}

/** Still hexadecimal: this one passes the decoder. */
function withOtherDigit(text: string, random: RandomSource): string {
  if (text.length === 0) return text;
  const at = uniformBelow(random, text.length);
  const digit = '0123456789abcdef'[uniformBelow(random, 16)]!;
  return text.slice(0, at) + digit + text.slice(at + 1);
}

function pick<T>(random: RandomSource, items: readonly T[]): T {
  return items[uniformBelow(random, items.length)]!;
}
