import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { parsePolicy, planHashOf, type Plan, type SignedPlan } from '@sotto/shared/plan';
import { exampleAuthority, exampleClient, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import { authorityKeyOf, issueCertificate, issueInvitation, signPlan, type Certificate } from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { beforeAll, describe, expect, it } from 'vitest';
import { openClientBooks } from '../ledger/client-books.ts';
import { createMemoryLedger } from '../ledger/ledger-store.ts';
import { checkOffer } from './check-offer.ts';
import type { RunOffer } from './machine-state.ts';
import type { ClientNotice, ClientPorts } from './ports.ts';

const crypto = createNodeCrypto();
const authority = authorityKeyOf(exampleAuthority().seed);
const stranger = authorityKeyOf('5a'.repeat(32));
const members = exampleClients(3);
const own = members[0]!;
const peer = members[1]!;
const plan = examplePlan({ clients: 3 });
const signed = signPlan(plan, authority);
let certificates: Certificate[] = [];

function certificateOf(index: number, { identity, name }: { identity: string; name: string }, key = authority) {
  const terms = {
    coordinator: 'https://coordinator.invalid',
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: '2040-01-01T00:00:00Z',
  } as const;
  return issueCertificate(issueInvitation(key, terms, createSeededRandom(`voucher ${index}`)), identity, name, crypto);
}

beforeAll(async () => {
  certificates = await Promise.all(members.map((member, index) => certificateOf(index, member)));
});

/** What the coordinator brings, where it differs from an honest offer of the plan. */
type Brought = {
  readonly signed?: unknown;
  readonly certificates?: readonly Certificate[];
  readonly offer?: Partial<RunOffer>;
  readonly policy?: object;
  readonly data?: Plan['schema'];
  readonly client?: string;
};

async function verdictOn(brought: Brought) {
  const content = brought.signed ?? signed;
  const bytes = typeof content === 'string' ? utf8(content) : utf8(canonicalJson(content));
  const policy = parsePolicy({ version: 1, budget: { epsilon: 100 }, ...brought.policy });
  const ledger = createMemoryLedger();
  const books = await openClientBooks(ledger, policy.budget);
  const notices: ClientNotice[] = [];
  const ports = {
    crypto,
    policy,
    authority: authority.publicKey,
    identity: { client: brought.client ?? own.client },
    data: { schema: brought.data ?? plan.schema },
    transport: { fetchBlob: async () => bytes },
    revocations: null,
    notify: (notice: ClientNotice) => notices.push(notice),
  } as unknown as ClientPorts;
  const offer: RunOffer = {
    type: 'runOffer',
    runId: 'cd'.repeat(16),
    signedPlanBlob: toHex(await crypto.sha256(bytes)),
    planHash: planHashOf(plan),
    certificates: [...(brought.certificates ?? certificates)],
    ...brought.offer,
  };
  const verdict = await checkOffer(offer, ports, books);
  return { verdict, notices, split: (await ledger.load()).split };
}

function replaced(index: number, certificate: Certificate): Certificate[] {
  return certificates.map((known, place) => (place === index ? certificate : known));
}

describe('an offer', () => {
  it('that is all in order is accepted, and fixes the split', async () => {
    const { verdict, split } = await verdictOn({});
    expect(verdict).toMatchObject({ ok: true, plan });
    expect(split).toEqual(plan.split);
  });

  const altered: SignedPlan = { ...signed, plan: { ...plan, training: { ...plan.training, rounds: 5 } } };
  const unsound = { ...plan, cohort: { ...plan.cohort, minSurvivors: 2 } };
  const elsewhere = examplePlan({ roster: [peer, members[2]!, exampleClient(7)] });
  const renamed = examplePlan({ roster: [own, { ...peer, name: 'somebody else' }, members[2]!] });
  const wrongId = { ...plan, roster: { ...plan.roster, clients: plan.roster.clients.map((c) => ({ ...c })) } };
  wrongId.roster.clients[1]!.identity = exampleClient(9).identity;
  const ofPlan = (other: Plan): Brought => ({
    signed: signPlan(other, authority),
    offer: { planHash: planHashOf(other) },
  });

  const cases: readonly (readonly [string, string, string, () => Brought | Promise<Brought>])[] = [
    ['whose plan is not signed', 'PLAN_UNSIGNED', 'not signed', () => ({ signed: plan })],
    [
      'whose signature is not one of the authority',
      'PLAN_UNSIGNED',
      'not that of authority',
      () => ({ signed: { ...signed, signature: '00'.repeat(64) } }),
    ],
    [
      'that a stranger signed, naming itself',
      'PLAN_UNSIGNED',
      authority.publicKey,
      () => {
        const theirs = { ...plan, authority: stranger.publicKey };
        return { signed: signPlan(theirs, stranger), offer: { planHash: planHashOf(theirs) } };
      },
    ],
    [
      'that a stranger signed in the authority’s name',
      'PLAN_UNSIGNED',
      'not that of authority',
      () => {
        const theirs = { ...plan, authority: stranger.publicKey };
        return { signed: { plan, signature: signPlan(theirs, stranger).signature } };
      },
    ],
    ['whose plan was altered after the signature', 'PLAN_UNSIGNED', 'signature', () => ({ signed: altered })],
    ['of another plan than it names', 'PLAN_INVALID', planHashOf(plan), () => ({ ...ofPlan(renamed), offer: {} })],
    [
      'whose bytes are not those of its hash',
      'PLAN_INVALID',
      'hash',
      () => ({ offer: { signedPlanBlob: '00'.repeat(32) } }),
    ],
    ['whose bytes are no JSON', 'PLAN_INVALID', 'not JSON', () => ({ signed: '{' })],
    ['on whose roster the client is not', 'ROSTER_INVALID', own.client, () => ofPlan(elsewhere)],
    ['whose roster gives a peer another key', 'ROSTER_INVALID', peer.client, () => ofPlan(wrongId)],
    ['whose roster gives a peer another name', 'CERTIFICATE_INVALID', 'somebody else', () => ofPlan(renamed)],
    [
      'without the certificate of a peer',
      'CERTIFICATE_INVALID',
      peer.name,
      () => ({ certificates: certificates.filter(({ identity }) => identity !== peer.identity) }),
    ],
    [
      'with a peer that a stranger certified',
      'CERTIFICATE_INVALID',
      peer.name,
      async () => ({ certificates: replaced(1, await certificateOf(1, peer, stranger)) }),
    ],
    [
      'with a peer’s certificate under a voucher that was altered',
      'CERTIFICATE_INVALID',
      peer.name,
      () => {
        const { voucher, ...rest } = certificates[1]!;
        return { certificates: replaced(1, { ...rest, voucher: { ...voucher, quota: 2 } }) };
      },
    ],
    [
      'with a certificate that its voucher did not sign',
      'CERTIFICATE_INVALID',
      peer.name,
      () => ({ certificates: replaced(1, { ...certificates[1]!, signature: '00'.repeat(64) }) }),
    ],
    [
      'with one voucher for two clients',
      'CERTIFICATE_INVALID',
      'admits 1',
      async () => ({ certificates: replaced(1, await certificateOf(0, peer)) }),
    ],
    ['whose plan cannot stand', 'PLAN_INVALID', 'minSurvivors', () => ofPlan(unsound)],
    ['for data of another schema', 'PLAN_REFUSED', 'my own', () => ({ data: { ...plan.schema, name: 'my own' } })],
    ['against a line of the policy', 'PLAN_REFUSED', 'maxEpsilon', () => ({ policy: { maxEpsilon: 0.01 } })],
  ];

  it.each(cases)('%s is refused with %s, and nothing is fixed', async (_, code, text, brought) => {
    const { verdict, split } = await verdictOn(await brought());
    expect(verdict).toMatchObject({ ok: false, code });
    expect(verdict.ok ? '' : verdict.reason).toContain(text);
    expect(split).toBeNull();
  });

  it('is shown on the own screen only once the authority’s signature holds', async () => {
    expect((await verdictOn({ signed: altered })).notices).toEqual([]);
    expect((await verdictOn({ policy: { maxEpsilon: 0.01 } })).notices).toMatchObject([{ type: 'offered' }]);
  });
});
