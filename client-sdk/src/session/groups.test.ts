import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { initialWeights, referenceModel, weightsToBytes } from '@sotto/shared/model';
import { groupsOf, inputWidth, parsePolicy, planHashOf, queryContext, sessionHeaderFor } from '@sotto/shared/plan';
import { exampleAuthority, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import {
  authorityKeyOf,
  issueCertificate,
  issueInvitation,
  signPlan,
  type ClientMessage,
  type ServerMessage,
} from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { beginSession, sessionIdOf, type Advertise, type SessionHeader } from '@sotto/shared/secure-sum';
import { canonicalJson, fromHex, toHex, utf8 } from '@sotto/shared/vector';
import { describe, expect, it, vi } from 'vitest';
import { createMemoryLedger } from '../ledger/ledger-store.ts';
import { createClientDriver } from './create-driver.ts';

const crypto = createNodeCrypto();
const random = createSeededRandom('groups');
const key = authorityKeyOf(exampleAuthority().seed);
const plan = examplePlan({ trust: 'grouped', clients: 6, evaluateEvery: null, overrides: { suite: 'x25519' } });
const signed = signPlan(plan, key);
const groups = groupsOf(signed);
const planHash = planHashOf(plan);
const runId = 'cd'.repeat(16);
const people = exampleClients(6);
const own = people[0]!;
const ownNumber = groups.findIndex((members) => members.includes(own.client));
const members = groups[ownNumber]!;
const strangers = groups[1 - ownNumber]!;

const identityOf = (client: string) => {
  const { seed } = people.find((one) => one.client === client)!;
  return { client, sign: (bytes: Uint8Array) => crypto.ed25519Sign(fromHex(seed), bytes) };
};

/** A client that has accepted the run, against a coordinator that does whatever the test says. */
async function accepted() {
  const terms = {
    coordinator: 'https://127.0.0.1:1',
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: '2040-01-01T00:00:00Z',
  } as const;
  const certificates = [];
  for (const { client, identity, name } of people) {
    // No more than the own group's: the others are none of its business.
    if (!members.includes(client)) continue;
    certificates.push(await issueCertificate(issueInvitation(key, terms, random), identity, name, crypto));
  }
  const { topology, inputs } = queryContext(plan);
  const blobs = new Map<string, Uint8Array>();
  const put = async (bytes: Uint8Array): Promise<string> => {
    const hash = toHex(await crypto.sha256(bytes));
    blobs.set(hash, bytes);
    return hash;
  };
  const signedPlanBlob = await put(utf8(canonicalJson(signed)));
  const modelHash = await put(weightsToBytes(initialWeights(topology, inputs, plan.initialWeights.seed)));
  const sent: ClientMessage[] = [];
  const driver = await createClientDriver({
    clock: { now: () => 0, after: () => () => undefined },
    transport: {
      send: async (message) => {
        sent.push(message);
        return { ok: true };
      },
      fetchBlob: async (hash) => blobs.get(hash) ?? new Uint8Array(0),
      upload: async () => ({ ok: true }),
    },
    crypto,
    random,
    identity: identityOf(own.client),
    authority: key.publicKey,
    policy: parsePolicy({ version: 1, maxEpsilon: 100, trust: ['grouped'], suites: ['x25519'] }),
    revocations: null,
    ledger: createMemoryLedger(),
    data: { schema: plan.schema, unitsOf: () => new Promise(() => undefined) },
    createModel: async ({ topology: layers, schema, loss }) => referenceModel(layers, inputWidth(schema), loss),
    notify: () => undefined,
    allowInsecureRandom: true,
  });
  driver.received({ type: 'runOffer', runId, signedPlanBlob, planHash, certificates });
  const next = async (type: ClientMessage['type'], sessionId?: string): Promise<ClientMessage> =>
    vi.waitFor(() => {
      const message = sent.find(
        (one) => one.type === type && (!('sessionId' in one) || one.sessionId === (sessionId ?? one.sessionId)),
      );
      if (message === undefined) throw new Error(`no ${type} in ${sent.map((one) => one.type).join()}`);
      return message;
    });
  await next('runAccept');
  const headerOf = (group: number, attempt: number, round = 1): SessionHeader =>
    sessionHeaderFor(plan, { planHash, runId, round, attempt, modelHash, group });
  const open = (header: SessionHeader): string => {
    const message: ServerMessage = { type: 'sessionOpen', sessionId: sessionIdOf(header), header, answered: 0 };
    driver.received(message);
    return message.sessionId;
  };
  return { driver, sent, next, headerOf, open };
}

/** What another client advertises in a session, with its own good signature: it colludes. */
async function advertiseOf(header: SessionHeader, client: string): Promise<Advertise> {
  const everybody = new Map(people.map((one) => [one.client, one.identity]));
  const { minSurvivors, colluding } = plan.cohort;
  const begun = await beginSession({ header, identities: everybody, minSurvivors, colluding }, identityOf(client), {
    crypto,
    random,
  });
  return begun.message!;
}

describe('a client of a plan with groups', () => {
  it('A8: sums with its group, and leaves a session into which a client of another group was put', async () => {
    for (const guest of [null, strangers[0]!]) {
      const client = await accepted();
      const header = client.headerOf(ownNumber, 1);
      const sessionId = client.open(header);
      const entries = [(await client.next('advertise')) as Advertise];
      for (const other of [...members.filter((one) => one !== own.client), ...(guest === null ? [] : [guest])]) {
        entries.push(await advertiseOf(header, other));
      }
      entries.sort((a, b) => (a.client < b.client ? -1 : 1));
      client.driver.received({ type: 'roster', sessionId, entries });
      if (guest === null) {
        expect(await client.next('share')).toMatchObject({ sessionId });
        expect(client.sent.some(({ type }) => type === 'sessionLeave')).toBe(false);
      } else {
        const left = await client.next('sessionLeave');
        expect(left).toMatchObject({ sessionId, code: 'ROSTER_INVALID' });
        expect(left).toMatchObject({ reason: expect.stringContaining(guest) });
        expect(client.sent.some(({ type }) => type === 'share')).toBe(false);
      }
      await client.driver.close();
    }
  });

  it('A8: refuses a session of another group, in the same attempt, in a later one, and alone', async () => {
    const client = await accepted();
    const first = client.open(client.headerOf(ownNumber, 1));
    await client.next('advertise');
    for (const attempt of [1, 2]) {
      const other = client.open(client.headerOf(1 - ownNumber, attempt));
      if (attempt === 1) {
        // Its own group's session has used that attempt up.
        expect(client.sent.some((one) => 'sessionId' in one && one.sessionId === other)).toBe(false);
      } else {
        expect(await client.next('sessionLeave', other)).toMatchObject({ sessionId: other, code: 'MESSAGE_INVALID' });
      }
      expect(client.sent.filter(({ type }) => type === 'advertise')).toHaveLength(1);
    }
    expect(client.sent.find(({ type }) => type === 'advertise')).toMatchObject({ sessionId: first });
    await client.driver.close();
  });

  it('A8: stays in its group whatever round, attempt or header it is asked with', async () => {
    const client = await accepted();
    for (const [index, round] of [2, 4, 1].entries()) {
      const other = client.open(client.headerOf(1 - ownNumber, index + 1, round));
      expect(await client.next('sessionLeave', other)).toMatchObject({ code: 'MESSAGE_INVALID' });
    }
    const { group: _, ...bare } = client.headerOf(ownNumber, 4);
    expect(await client.next('sessionLeave', client.open(bare))).toMatchObject({ code: 'MESSAGE_INVALID' });
    expect(client.sent.some(({ type }) => type === 'advertise')).toBe(false);
    client.open(client.headerOf(ownNumber, 5));
    await client.next('advertise');
    await client.driver.close();
  });
});
