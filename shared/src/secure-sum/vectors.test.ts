import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createNobleCrypto } from '../crypto/noble-crypto.ts';
import { createNodeCrypto } from '../crypto/node.ts';
import { isSottoError } from '../errors/index.ts';
import { clientMessageSchema, serverMessageSchema } from '../protocol/index.ts';
import type { RandomSource } from '../random/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import {
  addVector,
  beginSession,
  createSum,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  recoverSum,
  rosterHashOf,
  sessionIdOf,
  stepSum,
  uploadSchema,
  verifySumMessage,
  type SumClientState,
  type SumEffect,
  type SumMessage,
  type SumRequest,
  type SumRules,
  type SumState,
} from './index.ts';
import { keptState } from './testing/attacks.ts';
import { recordVectors } from './testing/record-vectors.ts';
import type { BadCase, SessionVectors } from './testing/vector-files.ts';

/**
 * The messages of a session as they are written down, checked from both ends: a client that draws what is listed sends every byte
 * that is listed; a coordinator that is sent them asks every request that is listed and comes to the sum.
 * A failure is any difference, and any bad message that is taken or is refused with another code.
 */
const folder = new URL('./vectors/v1/', import.meta.url);
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as T;
const session = read<SessionVectors>('session.json');
const rules: SumRules = {
  header: session.header,
  identities: new Map(session.clients.map(({ client, identity }) => [client, identity])),
  minSurvivors: session.minSurvivors,
  colluding: session.colluding,
};
const [first] = session.clients.map(({ client }) => client);
const ports = [createNodeCrypto(), createNobleCrypto()];

/** Draws what is listed, and nothing else. */
function listed(draws: readonly string[]): RandomSource & { readonly left: () => number } {
  const queue = draws.map(fromHex);
  return {
    secure: false,
    left: () => queue.length,
    words: () => {
      throw new Error('a session draws bytes alone');
    },
    bytes: (length) => {
      const next = queue.shift();
      if (next?.length !== length) throw new Error(`${length} bytes are drawn, ${next?.length} are listed`);
      return next;
    },
  };
}

type Step = SessionVectors['exchange'][number];

/** Goes through the exchange as one client, whose answers are compared; stops before a request, if one is named. */
async function asClient(client: string, crypto: (typeof ports)[number], stopBefore?: string): Promise<SumClientState> {
  const own = session.clients.find((listedClient) => listedClient.client === client)!;
  const random = listed(own.draws);
  const identity = {
    client,
    sign: (message: Uint8Array) => crypto.ed25519Sign(fromHex(own.identitySeed), message),
  };
  const sent = session.exchange.flatMap((step) => ('message' in step && step.from === client ? [step.message] : []));
  const begun = await beginSession(rules, identity, { crypto, random });
  let { state } = begun;
  expect(begun.message).toEqual(sent.shift());
  for (const step of session.exchange) {
    if (!('request' in step) || step.to !== client) continue;
    if (step.request.type === stopBefore) return state;
    const next = await answer(state, step.request, crypto, random);
    ({ state } = next);
    expect(next.message).toEqual(sent.shift());
    if (step.request.type !== 'inbox' || own.masked === null) continue;
    const masked = await maskVector(state, Int32Array.from(own.contribution), { crypto, random });
    ({ state } = masked);
    expect(masked.message).toEqual(sent.shift());
    expect(toHex(masked.vector)).toBe(own.masked);
  }
  expect(sent).toEqual([]);
  expect(random.left()).toBe(0);
  return state;
}

async function answer(
  state: SumClientState,
  request: SumRequest,
  crypto: (typeof ports)[number],
  random: RandomSource,
): Promise<{ state: SumClientState; message: SumMessage }> {
  switch (request.type) {
    case 'roster':
      return onRoster(state, request, { crypto, random });
    case 'inbox':
      return onInbox(state, request, { crypto, random });
    case 'agreeRequest':
      return onAgreeRequest(state, request, { crypto, random });
    case 'unmaskRequest':
      return onUnmaskRequest(state, request, { crypto, random });
  }
}

/** The coordinator after some of the exchange. */
function coordinatorAfter(steps: readonly Step[]): { state: SumState; effects: SumEffect[] } {
  const begun = createSum(
    rules,
    session.clients.map(({ client }) => client),
  );
  let { state } = begun;
  const effects = [...begun.effects];
  for (const step of steps) {
    if ('request' in step) continue;
    const next = stepSum(
      state,
      'lost' in step ? { type: 'lost', client: step.lost, reason: 'gone' } : { type: 'message', message: step.message },
    );
    ({ state } = next);
    effects.push(...next.effects);
  }
  return { state, effects };
}

describe.each(ports)('the exchange, on the $name port', (crypto) => {
  it('is named by the hash of its header and of its roster', () => {
    expect(sessionIdOf(session.header)).toBe(session.sessionId);
    const roster = session.exchange.find((step) => 'request' in step && step.request.type === 'roster');
    if (roster === undefined || !('request' in roster) || roster.request.type !== 'roster')
      throw new Error('no roster');
    expect(rosterHashOf(roster.request)).toBe(session.rosterHash);
  });

  it.each(session.clients.map(({ client }) => client))('is what client %s answers, byte for byte', async (client) => {
    const state = await asClient(client, crypto);
    expect(state.phase).toBe(client === session.clients.at(-1)!.client ? 'confirmed' : 'done');
  });

  it('S1: is what the coordinator takes and asks, and gives the sum of the three, the lost one’s masks taken out', async () => {
    for (const [i, step] of session.exchange.entries()) {
      if (!('message' in step)) continue;
      const schema = step.message.type === 'upload' ? uploadSchema : clientMessageSchema;
      expect(schema.parse(step.message)).toEqual(step.message);
      const { state } = coordinatorAfter(session.exchange.slice(0, i));
      expect(await verifySumMessage(state, step.message, crypto)).toBeNull();
    }
    const { state, effects } = coordinatorAfter(session.exchange);
    const asked = effects.flatMap((effect) =>
      effect.type === 'send' ? [{ to: effect.to, request: effect.message }] : [],
    );
    expect(asked).toEqual(session.exchange.filter((step) => 'request' in step));
    for (const { request } of asked) expect(serverMessageSchema.parse(request)).toEqual(request);
    expect(state.stage).toBe('recover');
    const recover = effects.find((effect) => effect.type === 'recover');
    const accumulator = new Uint32Array(session.header.dimension);
    for (const { masked } of session.clients) if (masked !== null) addVector(accumulator, fromHex(masked));
    if (recover?.type !== 'recover') throw new Error('nothing to recover');
    expect(await recoverSum(recover.job, accumulator, crypto)).toEqual({ ok: true, sum: Int32Array.from(session.sum) });
    const plain = Array.from({ length: session.header.dimension }, (_, j) =>
      session.clients.slice(0, 3).reduce((sum, { contribution }) => sum + contribution[j]!, 0),
    );
    expect(session.sum).toEqual(plain);
  });
});

const badFiles = readdirSync(folder).filter((name) => name.startsWith('bad_'));
const types = ['advertise', 'share', 'confirm', 'upload', 'agree', 'unmask'];
const requests = ['roster', 'inbox', 'agreeRequest', 'unmaskRequest'];

describe('what must be refused', () => {
  it('is written down for every message of both ends', () => {
    const names = badFiles.map((name) => name.replace(/^bad_|\.json$/g, ''));
    expect(names.toSorted()).toEqual([...types, ...requests].toSorted());
  });

  const cases = badFiles.flatMap((name) => read<BadCase[]>(name).map((bad) => ({ type: name.slice(4, -5), bad })));
  it.each(cases.filter(({ type }) => types.includes(type)).map(({ type, bad }) => ({ type, name: bad.name, bad })))(
    'A9, A13, A14, A17: of a client: $type with $name',
    async ({ type, bad }) => {
      const schema = type === 'upload' ? uploadSchema : clientMessageSchema;
      const parsed = schema.safeParse(bad.message);
      expect(parsed.success).toBe(bad.code !== 'decode');
      if (!parsed.success) return;
      const message = parsed.data as SumMessage;
      const isOwn = (step: Step) => 'message' in step && step.message.type === type && step.from === first;
      const last = session.exchange.findLastIndex((step) => 'message' in step && step.message.type === type);
      const { state } = coordinatorAfter(session.exchange.slice(0, last + 1).filter((step) => !isOwn(step)));
      // In its place the right one is taken.
      const right = session.exchange.find(isOwn);
      expect(
        right !== undefined && 'message' in right && (await verifySumMessage(state, right.message, ports[0]!)),
      ).toBe(null);
      const fault = await verifySumMessage(state, message, ports[0]!);
      if (bad.code !== 'KEY_MISMATCH') expect(fault).toMatchObject({ code: bad.code });
      else expect(stepSum(state, { type: 'message', message }).effects).toMatchObject([{ code: bad.code }]);
    },
  );

  it.each(cases.filter(({ type }) => requests.includes(type)).map(({ type, bad }) => ({ type, name: bad.name, bad })))(
    'A9, A13, A14, A17: of the coordinator: $type with $name',
    async ({ type, bad }) => {
      const parsed = serverMessageSchema.safeParse(bad.request);
      expect(parsed.success).toBe(bad.code !== 'decode');
      if (!parsed.success) return;
      const crypto = ports[0]!;
      const random = listed(session.clients[0]!.draws.slice(2));
      const fresh = keptState(await asClient(first!, crypto, type));
      const refused = answer(fresh(), parsed.data as SumRequest, crypto, random);
      await expect(refused).rejects.toSatisfy((error) => isSottoError(error) && error.code === bad.code);
    },
  );
});

it('the vectors are those that the seeded session gives', async () => {
  const { session: anew, bad } = await recordVectors();
  expect(JSON.parse(JSON.stringify(anew))).toEqual(session);
  for (const [type, list] of Object.entries(bad)) {
    expect(JSON.parse(JSON.stringify(list))).toEqual(read(`bad_${type}.json`));
  }
});
