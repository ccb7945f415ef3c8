import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { parsePolicy, planHashOf, sessionHeaderFor, type Plan } from '@sotto/shared/plan';
import { exampleAuthority, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import { authorityKeyOf, issueCertificate, issueInvitation, signPlan, signRevocations } from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { describe, expect, it } from 'vitest';
import { openClientBooks, type ClientBooks } from '../ledger/client-books.ts';
import { createMemoryLedger } from '../ledger/ledger-store.ts';
import { checkOffer } from './check-offer.ts';
import type { ClientPorts } from './ports.ts';

const crypto = createNodeCrypto();
const key = authorityKeyOf(exampleAuthority().seed);

/** What a client is asked, and its answer. */
async function ask(
  plan: Plan,
  policyOf: object,
  before: (books: ClientBooks, ports: ClientPorts) => Promise<ClientPorts> = async (_, ports) => ports,
) {
  const members = exampleClients(plan.roster.clients.length);
  const terms = {
    coordinator: 'https://127.0.0.1:1',
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: '2040-01-01T00:00:00Z',
  } as const;
  const certificates = await Promise.all(
    members.map(({ identity, name }, index) =>
      issueCertificate(issueInvitation(key, terms, createSeededRandom(`voucher ${index}`)), identity, name, crypto),
    ),
  );
  const bytes = utf8(canonicalJson(signPlan(plan, key)));
  const signedPlanBlob = toHex(await crypto.sha256(bytes));
  const policy = parsePolicy({ version: 1, ...policyOf });
  const books = await openClientBooks(createMemoryLedger(), policy.budget);
  const ports = {
    crypto,
    policy,
    authority: key.publicKey,
    identity: { client: members[0]!.client },
    data: { schema: plan.schema },
    transport: { fetchBlob: async () => bytes },
    revocations: null,
    notify: () => undefined,
  } as unknown as ClientPorts;
  const offer = {
    type: 'runOffer',
    runId: 'cd'.repeat(16),
    signedPlanBlob,
    planHash: planHashOf(plan),
    certificates,
  } as const;
  return { verdict: await checkOffer(offer, await before(books, ports), books), books };
}

describe('checkOffer', () => {
  const plan = examplePlan({ rounds: 60, evaluateEvery: null });
  const stated = plan.privacy.kind === 'dp' ? plan.privacy.epsilon : 0;

  it('accepts a plan that policy and books hold', async () => {
    const { verdict } = await ask(plan, { maxEpsilon: stated, budget: { epsilon: stated * 1.2 }, minSurvivors: 3 });
    expect(verdict).toMatchObject({ ok: true });
  });

  it('refuses before its first round a plan that the budget cannot hold to its end, and tells only the line', async () => {
    const { verdict, books } = await ask(plan, { maxEpsilon: stated, budget: { epsilon: stated }, minSurvivors: 3 });
    expect(verdict).toMatchObject({
      ok: false,
      code: 'BUDGET_EXCEEDED',
      told: 'policy line budget.epsilon refuses the plan',
    });
    if (verdict.ok) return;
    expect(verdict.reason).toMatch(
      new RegExp(
        `^budget\\.epsilon: this run would raise epsilon to \\d+\\.\\d\\d, budget ${stated}; nothing is spent yet, and the books must hold whatever plans come later, so they read about a tenth above a plan's own ${stated}$`,
      ),
    );
    expect(books.charges()).toEqual([]);
  });

  describe('where the authority revoked clients', () => {
    const five = examplePlan({ clients: 5, rounds: 60, evaluateEvery: null });
    const ids = five.roster.clients.map(({ client }) => client);
    const allowed = { maxEpsilon: 100, budget: { epsilon: 100 }, minSurvivors: 3 };
    const revoking = (clients: readonly string[]) =>
      ask(five, allowed, async (_, ports) => ({
        ...ports,
        revocations: { newest: async () => signRevocations(key, 4, clients) },
      }));

    it('accepts what the others can still sum, and knows whom not to sum with', async () => {
      expect(five.cohort.minSurvivors).toBe(4);
      const { verdict } = await revoking([ids[4]!, 'ef'.repeat(20)]);
      expect(verdict).toMatchObject({ ok: true, revoked: new Set([ids[4], 'ef'.repeat(20)]) });
      expect((await revoking([])).verdict).toMatchObject({ ok: true, revoked: new Set() });
    });

    it('refuses a plan that too few are left for, or that this client is out of', async () => {
      const { verdict, books } = await revoking([ids[3]!, ids[4]!]);
      expect(verdict).toMatchObject({ ok: false, code: 'REVOKED' });
      if (verdict.ok) return;
      expect(verdict.told).toBe(verdict.reason);
      expect(verdict.reason).toMatch(
        /^roster: list 4 revokes 2 of the 5 clients that sum together, .* among them; 3 are left, a session needs 4$/,
      );
      // Nothing is set aside for it.
      expect(() => books.reserve('00'.repeat(32), five)).not.toThrow();
      expect((await revoking([ids[0]!])).verdict).toMatchObject({
        code: 'REVOKED',
        reason: expect.stringContaining('this client'),
      });
    });

    it('refuses an offer whose list goes back, in words that may leave', async () => {
      const { verdict } = await ask(five, allowed, async (_, ports) => ({
        ...ports,
        revocations: {
          newest: async () => {
            throw new SottoError('REVOCATIONS_STALE', 'the coordinator gives list 1, this client has seen list 4');
          },
        },
      }));
      expect(verdict).toMatchObject({
        ok: false,
        code: 'REVOCATIONS_STALE',
        told: expect.stringContaining('gives list 1'),
      });
    });
  });

  it('asks the owner last, of a plan that all else allows, and frees the budget when the answer is no', async () => {
    const allowed = { maxEpsilon: 100, budget: { epsilon: 2 * stated, delta: 1e-5 } };
    const asked: unknown[] = [];
    const answering = (agreed: boolean) => async (_: ClientBooks, ports: ClientPorts) => ({
      ...ports,
      consent: async (offer: unknown) => {
        asked.push(offer);
        return agreed;
      },
    });
    const yes = await ask(plan, allowed, answering(true));
    expect(yes.verdict.ok).toBe(true);
    expect(asked).toEqual([{ runId: 'cd'.repeat(16), planHash: planHashOf(plan), plan }]);
    const no = await ask(plan, allowed, answering(false));
    expect(no.verdict).toMatchObject({
      ok: false,
      code: 'PLAN_REFUSED',
      told: 'the owner of the data does not agree',
    });
    // What was set aside for it is free again: the budget holds a plan of as much.
    expect(() => no.books.reserve('00'.repeat(32), plan)).not.toThrow();
    const refused = await ask(plan, { ...allowed, maxEpsilon: stated / 2 }, answering(true));
    expect(refused.verdict.ok).toBe(false);
    expect(asked).toHaveLength(2);
  });

  it('tells nothing of its own schema, books or split', async () => {
    const other = await ask(plan, { maxEpsilon: stated, budget: { epsilon: 10 } }, async (books, ports) => {
      await books.pinSplit({ validation: 0.3137, test: 0.1 }, null);
      return ports;
    });
    expect(other.verdict).toMatchObject({ code: 'PLAN_REFUSED', reason: expect.stringContaining('0.3137') });
    const schema = await ask(plan, { maxEpsilon: stated, budget: { epsilon: 10 } }, async (_, ports) => {
      const data = { schema: { ...plan.schema, name: 'ward 12 in secret' } };
      return { ...ports, data, createContributor: () => expect.unreachable('no run is accepted') };
    });
    expect(schema.verdict).toMatchObject({ code: 'PLAN_REFUSED', reason: expect.stringContaining('ward 12') });
    const client = examplePlan({ unit: 'client', clients: 7 });
    const unit = await ask(plan, { maxEpsilon: stated, budget: { epsilon: 10 } }, async (books, ports) => {
      const planHash = planHashOf(client);
      const facts = { planHash, runId: 'cd'.repeat(16), round: 1, attempt: 1, modelHash: '11'.repeat(32) };
      await books.charge(client, sessionHeaderFor(client, facts));
      return ports;
    });
    expect(unit.verdict).toMatchObject({ code: 'UNSUPPORTED_EVENT', reason: expect.stringContaining('unit client') });
    for (const { verdict } of [other, schema, unit]) {
      if (verdict.ok) throw new Error('accepted');
      expect(verdict.told).not.toMatch(/0\.3137|ward 12|unit client/);
    }
  });
});
