import { describe, expect, it } from 'vitest';
import { createNobleCrypto } from '../crypto/noble-crypto.ts';
import { createNodeCrypto } from '../crypto/node.ts';
import { createNoiseSampler, layerVariances, type PartSpec } from '../privacy/index.ts';
import { removeLayers } from '../queries/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import {
  addVector,
  disclosedNoise,
  onAgreeRequest,
  onUnmaskRequest,
  recoverSum,
  sessionIdOf,
  type SumMessage,
  type Unmask,
} from './index.ts';
import type { Binding } from './binding.ts';
import { layerKeys, walkChain } from './noise-chain.ts';
import {
  agreementsOver,
  clientsOf,
  coded,
  keptState,
  looksUniform,
  stoppedBefore,
  subsetsOf,
} from './testing/attacks.ts';
import {
  plainSum,
  runSession,
  testCohort,
  testContributions,
  testHeader,
  type Behaviour,
  type SessionResult,
} from './testing/harness.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that gives away noise that the signed survivors need, or a
// coordinator that takes out what is not in the sum.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

/** Seven clients, five of whom must stay: layers 0, 1 and 2 for 7, 6 and 5 survivors. */
const variance = 1_000;
const cohortOf = (dimension = 5) =>
  testCohort(7, crypto, { header: testHeader(dimension), minSurvivors: 5, removableNoise: variance });

const leaving = (clients: readonly string[], stage: NonNullable<Behaviour['leavesBefore']>) =>
  new Map<string, Behaviour>(clients.map((client) => [client, { leavesBefore: stage }]));

function noiseKeys({ messages }: SessionResult): Map<string, string | undefined> {
  const answers = messages.filter((message): message is Unmask => message.type === 'unmask');
  return new Map(answers.map(({ client, noiseKey }) => [client, noiseKey]));
}

describe('what a client gives away of its noise', () => {
  it('A3: over every set that can be signed it is the layers that so many survivors do not need, and no other', async () => {
    const cohort = await cohortOf();
    const clients = clientsOf(cohort);
    const [self] = clients as [string];
    const stopped = await stoppedBefore(cohort, 'agree');
    const state = keptState(stopped.states.get(self)!);
    const { rosterHash } = stopped.messages.find((message) => message.type === 'share')!;
    const { suite } = cohort.rules.header;
    const binding: Binding = { suite, sessionId: sessionIdOf(cohort.rules.header), rosterHash };
    const { keys, clients: on } = stopped.noise.get(self)!;
    expect([on, keys.length]).toEqual([7, 2]);
    const given = new Map<number, Set<string | undefined>>();
    for (const survivors of subsetsOf(clients, 5, 7)) {
      if (!survivors.includes(self)) continue;
      const { sessionId } = binding;
      const agreed = await onAgreeRequest(
        state(),
        { type: 'agreeRequest', sessionId, sharers: clients, survivors },
        ports,
      );
      const signatures = await agreementsOver(cohort, rosterHash, clients, survivors);
      const answer = await onUnmaskRequest(
        agreed.state,
        { type: 'unmaskRequest', sessionId, agreed: signatures },
        ports,
      );
      const { noiseKey } = answer.message as Unmask;
      const first = 8 - survivors.length;
      given.set(survivors.length, (given.get(survivors.length) ?? new Set()).add(noiseKey));
      if (survivors.length === 5) continue;
      // From the key that was given follow the keys of exactly these layers.
      const told = await layerKeys(crypto, binding, self, fromHex(noiseKey!), first, 2);
      expect(told.map(toHex)).toEqual(keys.slice(first - 1).map(toHex));
    }
    expect(given.get(5)).toEqual(new Set([undefined]));
    const [whole] = given.get(7)!;
    const [part] = given.get(6)!;
    expect([given.get(6)!.size, given.get(7)!.size]).toEqual([1, 1]);
    // One way: the key for six follows from that for seven.
    expect(toHex(await walkChain(crypto, binding, self, fromHex(whole!), 1, 2))).toBe(part);
  });

  it('A4: it is given once', async () => {
    const cohort = await cohortOf();
    const clients = clientsOf(cohort);
    const stopped = await stoppedBefore(cohort, 'agree');
    const { rosterHash } = stopped.messages.find((message) => message.type === 'share')!;
    const sessionId = sessionIdOf(cohort.rules.header);
    const sets = { type: 'agreeRequest' as const, sessionId, sharers: clients, survivors: clients };
    const { state } = await onAgreeRequest(stopped.states.get(clients[0]!)!, sets, ports);
    const agreed = await agreementsOver(cohort, rosterHash, clients, clients);
    const request = { type: 'unmaskRequest' as const, sessionId, agreed };
    expect((await onUnmaskRequest(state, request, ports)).message).toHaveProperty('noiseKey');
    await expect(onUnmaskRequest(state, request, ports)).rejects.toSatisfy(coded('MESSAGE_UNEXPECTED'));
  });

  it('A3: claiming that everybody uploaded, to be rid of more noise, opens nothing when one did not', async () => {
    const dimension = 20_000;
    const cohort = await cohortOf(dimension);
    const clients = clientsOf(cohort);
    const [missing, ...uploaded] = clients as [string, ...string[]];
    const everybodyStops = new Map<string, Behaviour>(uploaded.map((client) => [client, { leavesBefore: 'agree' }]));
    const result = await runSession(cohort, testContributions(cohort), {
      crypto,
      behaviour: new Map([...everybodyStops, [missing, { leavesBefore: 'upload' }]]),
    });
    const { rosterHash } = result.messages.find((message) => message.type === 'share')!;
    const sessionId = sessionIdOf(cohort.rules.header);
    const agreed = await agreementsOver(cohort, rosterHash, clients, clients);
    const answers: Unmask[] = [];
    for (const client of uploaded) {
      const sets = { type: 'agreeRequest' as const, sessionId, sharers: clients, survivors: clients };
      const { state } = await onAgreeRequest(result.states.get(client)!, sets, ports);
      const answer = await onUnmaskRequest(state, { type: 'unmaskRequest', sessionId, agreed }, ports);
      answers.push(answer.message as Unmask);
    }
    const accumulator = new Uint32Array(dimension);
    for (const vector of result.vectors.values()) addVector(accumulator, vector);
    const roster = result.requests.find(({ request }) => request.type === 'roster')!.request;
    const job = {
      header: cohort.rules.header,
      sessionId,
      rosterHash,
      threshold: 5,
      roster: roster.type === 'roster' ? roster.entries : [],
      sharers: clients,
      survivors: clients,
      answers,
      levels: [7, 6, 5],
      shared: new Map(),
      confirmed: new Map(),
    };
    const opened = await recoverSum(job, accumulator, crypto);
    if (!opened.ok) throw new Error(opened.reason);
    const plain = plainSum(testContributions(cohort), uploaded);
    const off = Int32Array.from(opened.sum, (value, i) => (value - plain[i]!) | 0);
    expect(looksUniform(new Uint8Array(off.buffer))).toBe(true);
  });
});

describe('what a coordinator takes out', () => {
  it.each([0, 1, 2])(
    'A13: with %i lost is what the survivors put in, bit for bit, and no more than they said',
    async (drops) => {
      const dimension = 300;
      const cohort = await cohortOf(dimension);
      const clients = clientsOf(cohort);
      const behaviour = leaving(clients.slice(0, drops), 'upload');
      const survivors = clients.slice(drops);
      const variances = [layerVariances([7, 6, 5], 1, variance)];
      const parts = [{ dimension } as PartSpec];
      // The same seeds twice: the first time to learn the keys of the noise, the second to contribute with it.
      const { noise } = await runSession(cohort, testContributions(cohort), { crypto, behaviour });
      const contributions = new Map(testContributions(cohort));
      const kept = new Map<string, Int32Array>();
      for (const [client, integers] of contributions) {
        const layers = noise.get(client)!.keys.map((key, index) => {
          const draws = new Int32Array(dimension);
          const stream = crypto.keyStream(key, { secure: true });
          createNoiseSampler(variances[0]![index + 1]!).add(draws, 0, dimension, stream);
          return draws;
        });
        const plus = (sum: Int32Array, layer: Int32Array) => sum.map((value, i) => (value + layer[i]!) | 0);
        contributions.set(client, layers.reduce(plus, integers));
        kept.set(client, layers.slice(0, drops).reduce(plus, integers));
      }
      const result = await runSession(cohort, contributions, { crypto, behaviour });
      expect(result.survivors).toEqual(survivors);
      if (result.job === null || !('sum' in result.outcome)) throw new Error('the session failed');
      const disclosed = await disclosedNoise(result.job, crypto);
      expect([...(disclosed?.keys() ?? [])].sort()).toEqual(drops === 2 ? [] : survivors);
      const { sum } = result.outcome;
      // Whichever library draws.
      await removeLayers(sum, parts, variances, disclosed?.values() ?? [], createNobleCrypto().keyStream);
      expect(sum).toEqual(plainSum(kept, survivors));
    },
  );

  it('A13: a false key, one of another place or client, or none, is turned away with its sender named', async () => {
    const cohort = await cohortOf();
    const clients = clientsOf(cohort);
    const [liar, other] = clients.slice(1) as [string, string];
    const behaviour = leaving(clients.slice(0, 1), 'upload');
    const contributions = testContributions(cohort);
    // Seeds are the same throughout, so these are the keys of the sessions below.
    const full = noiseKeys(await runSession(cohort, contributions, { crypto }));
    const honest = noiseKeys(await runSession(cohort, contributions, { crypto, behaviour }));
    expect(full.get(liar)).not.toBe(honest.get(liar));
    const cases: [string | undefined, string][] = [
      ['ab'.repeat(32), 'SHARE_INVALID'],
      [honest.get(other), 'SHARE_INVALID'],
      [full.get(liar), 'SHARE_INVALID'],
      [undefined, 'MESSAGE_INVALID'],
    ];
    for (const [noiseKey, code] of cases) {
      const tamper = (message: SumMessage): SumMessage =>
        message.type === 'unmask' ? { ...message, noiseKey } : message;
      const result = await runSession(cohort, contributions, {
        crypto,
        behaviour: new Map([...behaviour, [liar, { tamper }]]),
      });
      expect(result.rejections).toMatchObject([{ client: liar, code }]);
      expect(result.outcome).toEqual({ ok: true, sum: plainSum(contributions, clients.slice(1)) });
      expect([...(await disclosedNoise(result.job!, crypto))!.keys()].sort()).toEqual(clients.slice(2));
    }
  });

  it('A13: a key that nobody needs is turned away, as is an upload with or without the end of a chain', async () => {
    const cohort = await cohortOf();
    const clients = clientsOf(cohort);
    const [liar] = clients as [string];
    const contributions = testContributions(cohort);
    const withKey = (message: SumMessage): SumMessage =>
      message.type === 'unmask' ? { ...message, noiseKey: 'ab'.repeat(32) } : message;
    const needless = await runSession(cohort, contributions, {
      crypto,
      behaviour: new Map([...leaving(clients.slice(5), 'upload'), [liar, { tamper: withKey }]]),
    });
    // As many as t are left, so without the liar's answer nothing opens.
    expect(needless.rejections).toMatchObject([{ client: liar, code: 'MESSAGE_INVALID' }]);
    expect(needless.outcome).toMatchObject({ type: 'failed', code: 'COHORT_TOO_SMALL' });

    const changed = (noiseEnd: string | undefined) => (message: SumMessage) =>
      message.type === 'upload' ? { ...message, noiseEnd } : message;
    const kept = await testCohort(7, crypto, { minSurvivors: 5 });
    for (const [of, noiseEnd, code] of [
      [cohort, undefined, 'UPLOAD_INVALID'],
      [cohort, 'ab'.repeat(32), 'SIGNATURE_INVALID'],
      [kept, 'ab'.repeat(32), 'UPLOAD_INVALID'],
    ] as const) {
      const behaviour = new Map([[liar, { tamper: changed(noiseEnd) }]]);
      const result = await runSession(of, contributions, { crypto, behaviour });
      expect(result.rejections).toMatchObject([{ client: liar, code }]);
      expect(result.survivors).toEqual(clients.slice(1));
    }
  });

  it('A24: whoever falls silent when the sum is opened keeps its noise in it, and the others are waited for', async () => {
    const cohort = await cohortOf();
    const clients = clientsOf(cohort);
    const contributions = testContributions(cohort);
    const silent = clients.slice(0, 2);
    const result = await runSession(cohort, contributions, { crypto, behaviour: leaving(silent, 'unmask') });
    expect(result.outcome).toEqual({ ok: true, sum: plainSum(contributions, clients) });
    expect([...(await disclosedNoise(result.job!, crypto))!.keys()].sort()).toEqual(clients.slice(2));
    // Where all noise is needed, t answers are enough.
    const complete = await runSession(cohort, contributions, { crypto });
    expect(complete.job!.answers).toHaveLength(7);
    const kept = await testCohort(7, crypto, { minSurvivors: 5 });
    expect((await runSession(kept, contributions, { crypto })).job!.answers).toHaveLength(5);
  });
});
