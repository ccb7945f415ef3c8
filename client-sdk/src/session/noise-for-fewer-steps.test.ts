import { createNodeCrypto } from '@sotto/shared/crypto/node';
import {
  checkPlan,
  completePlan,
  parsePolicy,
  planHashOf,
  planSlots,
  requireSoundPlan,
  sessionHeaderFor,
  type Plan,
  type PlanDraft,
} from '@sotto/shared/plan';
import { exampleAuthority, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import { epsilonOf } from '@sotto/shared/privacy';
import {
  authorityKeyOf,
  issueCertificate,
  issueInvitation,
  signPlan,
  type ServerMessage,
} from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { sessionIdOf, type SessionHeader } from '@sotto/shared/secure-sum';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { describe, expect, it } from 'vitest';
import { openClientBooks } from '../ledger/client-books.ts';
import { createMemoryLedger } from '../ledger/ledger-store.ts';
import { checkOffer } from './check-offer.ts';
import { initialClientState, type ClientEvent } from './machine-state.ts';
import { stepClient } from './machine.ts';
import type { ClientPorts } from './ports.ts';

/*
 * A published benchmark (FLamby, Fed-Heart-Disease) planned the noise of its "ε = 1" for 15 epochs and then took 15 rounds of
 * 100 steps. In the smallest hospital, 30 patients in batches of 4, that is 120 steps planned and 1,500 taken: ε = 4.10
 * by Opacus' accountant. Here a step is a round, and what is not planned does not happen.
 */
const epochs = 15;
const stepsTaken = 1_500;
const delta = 1e-4;

/** Hospitals with their batches an epoch, and the ε that Opacus' RDP accountant gives for 1,500 steps of noise for "ε = 1". */
const hospitals = [
  { name: 'Cleveland', batches: 50, published: 1.45 },
  { name: 'Hungary', batches: 43, published: 1.57 },
  { name: 'Switzerland', batches: 8, published: 4.1 },
  { name: 'Long Beach', batches: 22, published: 2.29 },
];

/** Training at the hospital's sampling rate, its noise calibrated so that so many rounds come to ε = 1. */
function planFor(rounds: number, batches = 8): Plan {
  const { privacy: _privacy, training, ...rest } = examplePlan({ evaluateEvery: null, spareAttempts: 0 });
  const { noiseMultiplier: _noise, ...untuned } = training;
  return completePlan({
    ...rest,
    privacy: { kind: 'dp', delta, epsilon: 1 },
    training: {
      ...untuned,
      query: { kind: 'gradient', samplingNumerator: Math.round(2 ** 32 / batches), clipNormL2: 1.1, expectedBatch: 4 },
      rounds,
    },
  } satisfies PlanDraft);
}

function withRounds(plan: Plan, rounds: number): Plan {
  return { ...plan, training: { ...plan.training, rounds } };
}

function epsilonOfSteps(plan: Plan, steps: number): number {
  const [slot] = planSlots(plan);
  if (slot === undefined || slot.event === null) throw new Error('the plan has no noise');
  return epsilonOf([{ event: slot.event, count: steps }], delta).epsilon;
}

const sound = planFor(15 * 8);
const mistaken = withRounds(sound, stepsTaken);

describe('noise planned for 15 epochs, 1,500 steps taken', () => {
  it.each(hospitals)(
    'is the real ε by our accountant, $name: about $published, not 1',
    ({ batches, published }) => {
      const plan = planFor(epochs * batches, batches);
      expect(epsilonOfSteps(plan, epochs * batches)).toBeLessThanOrEqual(1);
      const taken = epsilonOfSteps(plan, stepsTaken);
      // The tighter accountant plans with less noise for "ε = 1", so that the mistake costs a little more.
      expect(taken / published).toBeGreaterThan(1);
      expect(taken / published).toBeLessThan(1.04);
    },
    60_000,
  );

  it('comes to 3.74 with the very noise of the benchmark’s smallest hospital, which Opacus’ bound calls 4.10', () => {
    const noisy = { ...sound, training: { ...sound.training, noiseMultiplier: 4.988 } };
    const taken = epsilonOfSteps(noisy, stepsTaken);
    expect(taken).toBeGreaterThan(3.7);
    expect(taken).toBeLessThan(4.1);
  });

  it('is no sound plan: the check names what is stated and what it comes to', () => {
    expect(checkPlan(sound).problems).toEqual([]);
    const [problem, ...more] = checkPlan(mistaken).problems;
    expect(more).toEqual([]);
    expect(problem).toMatchObject({
      path: 'plan.privacy.epsilon',
      problem: expect.stringMatching(/^1 is stated, the plan's slots come to 4\.2\d+$/),
    });
    expect(() => requireSoundPlan(mistaken)).toThrow(/1 is stated, the plan's slots come to 4\.2/);
  });

  it('cannot hide its steps inside a round: at unit = record local epochs are refused by name', () => {
    const local = {
      ...sound,
      training: {
        ...sound.training,
        query: {
          kind: 'update',
          clipNormL2: 1.1,
          localEpochs: 100,
          batchSize: 4,
          learningRate: 0.001,
          proximal: 0,
        },
        strategy: { kind: 'fedAvg', learningRate: 1 },
        rounds: epochs,
      },
    } as const satisfies Plan;
    expect(
      checkPlan(local)
        .problems.map(({ problem }) => problem)
        .join(),
    ).toMatch(/update/);
  });

  it('is refused by every client that is offered it, even signed by its own authority', async () => {
    const { verdict, charges } = await offer(mistaken);
    expect(verdict).toMatchObject({ ok: false, code: 'PLAN_INVALID' });
    if (!verdict.ok) expect(verdict.told).toMatch(/1 is stated, the plan's slots come to 4\.2/);
    expect(charges).toEqual([]);
    expect((await offer(sound)).verdict).toMatchObject({ ok: true });
  });

  it('is refused by the client machine when the coordinator of a sound plan opens one round more', () => {
    const [planHash, runId] = [planHashOf(sound), 'cd'.repeat(16)];
    const offered = {
      type: 'runOffer',
      runId,
      signedPlanBlob: '00'.repeat(32),
      planHash,
      certificates: [],
    } as const satisfies ServerMessage;
    const accepted: readonly ClientEvent[] = [
      { type: 'message', message: offered },
      { type: 'offerAllowed', offer: offered, plan: sound, group: { number: 0, members: [] }, revoked: new Set() },
    ];
    const state = accepted.reduce(
      (before, event) => stepClient(before, event).state,
      initialClientState(new Map([[planHash, 120]])),
    );
    const facts = { planHash, runId, round: 120, attempt: 121, modelHash: '11'.repeat(32) };
    const last = sessionHeaderFor(sound, facts);
    const open = (header: SessionHeader) =>
      stepClient(state, {
        type: 'message',
        message: { type: 'sessionOpen', sessionId: sessionIdOf(header), header, answered: 0 },
      }).effects;
    expect(open(last).map(({ type }) => type)).toContain('openSession');
    const beyond = open({ ...last, round: 121 });
    expect(beyond.map(({ type }) => type)).not.toContain('openSession');
    expect(beyond).toContainEqual(
      expect.objectContaining({ type: 'leave', told: 'the plan has no session in round 121' }),
    );
  });

  it('is refused by the client’s books when the coordinator repeats a planned round once more', async () => {
    const books = await openClientBooks(createMemoryLedger(), parsePolicy({ version: 1 }).budget);
    const planHash = planHashOf(sound);
    const header = (attempt: number) =>
      sessionHeaderFor(sound, {
        planHash,
        runId: 'cd'.repeat(16),
        round: Math.min(attempt, 120),
        attempt,
        modelHash: '11'.repeat(32),
      });
    for (let attempt = 1; attempt <= 120; attempt += 1) {
      await books.openAttempt(sound, header(attempt));
      await books.charge(sound, header(attempt));
    }
    const refusal = { code: 'BUDGET_EXCEEDED', message: 'the plan allows 120 sessions with training, all are charged' };
    await expect(books.openAttempt(sound, header(121))).rejects.toMatchObject(refusal);
    await expect(books.charge(sound, header(121))).rejects.toMatchObject(refusal);
    expect(books.charges()).toHaveLength(120);
  });
});

/** What a client answers to a plan that its authority has signed. */
async function offer(plan: Plan) {
  const crypto = createNodeCrypto();
  const key = authorityKeyOf(exampleAuthority().seed);
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
  const policy = parsePolicy({
    version: 1,
    maxEpsilon: 10,
    maxDelta: delta,
    minSurvivors: 3,
    budget: { epsilon: 10, delta },
  });
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
  const offered = {
    type: 'runOffer',
    runId: 'cd'.repeat(16),
    signedPlanBlob: toHex(await crypto.sha256(bytes)),
    planHash: planHashOf(plan),
    certificates,
  } as const;
  return { verdict: await checkOffer(offered, ports, books), charges: books.charges() };
}
