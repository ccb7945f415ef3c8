import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { initialWeights, weightsToBytes } from '@sotto/shared/model';
import {
  parsePolicy,
  planHashOf,
  queryContext,
  sessionHeaderFor,
  type Plan,
  type PolicyInput,
} from '@sotto/shared/plan';
import { exampleAuthority, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import {
  authorityKeyOf,
  issueCertificate,
  issueInvitation,
  signPlan,
  type ClientMessage,
} from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { sessionIdOf } from '@sotto/shared/secure-sum';
import { canonicalJson, fromHex, toHex, utf8, wordsFromLittleEndian } from '@sotto/shared/vector';
import { describe, expect, it, vi } from 'vitest';
import { createClientDriver, createMemoryLedger, type ClientNotice } from './index.ts';
import type { ChosenDevice } from './ports.ts';

type Answer = { resolve(integers: Int32Array): void; reject(error: Error): void };

/** A client in `trusted` mode that has accepted a run, whose contributions are given by hand. */
async function accepted(paceMs: number, planned?: Plan, allowed: Partial<PolicyInput> = {}) {
  const crypto = createNodeCrypto();
  const key = authorityKeyOf(exampleAuthority().seed);
  // Without a pace nothing may be sampled.
  const unit = paceMs === 0 ? 'client' : 'record';
  const plan =
    planned ?? examplePlan({ trust: 'trusted', unit, clients: 1, minSurvivors: 1, evaluateEvery: null, paceMs });
  const runId = 'cd'.repeat(16);
  const [own] = exampleClients(1);
  const terms = {
    coordinator: 'https://127.0.0.1:1',
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: '2040-01-01T00:00:00Z',
  } as const;
  const invitation = issueInvitation(key, terms, createSeededRandom('voucher'));
  const certificate = await issueCertificate(invitation, own!.identity, own!.name, crypto);
  const { topology, inputs } = queryContext(plan);
  const blobs = new Map<string, Uint8Array>();
  const put = async (bytes: Uint8Array): Promise<string> => {
    const hash = toHex(await crypto.sha256(bytes));
    blobs.set(hash, bytes);
    return hash;
  };
  const signedPlanBlob = await put(utf8(canonicalJson(signPlan(plan, key))));
  const modelHash = await put(weightsToBytes(initialWeights(topology, inputs, plan.initialWeights.seed)));
  const sent: ClientMessage[] = [];
  const uploads: string[] = [];
  const vectors: Int32Array[] = [];
  const notices: ClientNotice[] = [];
  const asked: Answer[] = [];
  const timers: { ms: number; action: () => void }[] = [];
  const time = { now: 0 };
  const life: string[] = [];
  /** Tells each run in order what computes. */
  const choose: ((device: ChosenDevice) => void)[] = [];
  const driver = await createClientDriver({
    clock: {
      now: () => time.now,
      after: (ms, action) => {
        const timer = { ms, action };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    },
    transport: {
      async send(message) {
        sent.push(message);
        return { ok: true };
      },
      fetchBlob: async (hash) => blobs.get(hash) ?? new Uint8Array(0),
      async upload(message, vector) {
        uploads.push(message.sessionId);
        vectors.push(new Int32Array(wordsFromLittleEndian(vector)));
        return { ok: true };
      },
    },
    crypto,
    random: createNodeRandom(),
    identity: { client: own!.client, sign: (message) => crypto.ed25519Sign(fromHex(own!.seed), message) },
    authority: key.publicKey,
    policy: parsePolicy({ version: 1, trust: ['trusted', 'local'], minSurvivors: 1, minColluding: 0, ...allowed }),
    ledger: createMemoryLedger(),
    revocations: null,
    data: { schema: plan.schema },
    createContributor: (_, chosen) => {
      choose.push(chosen);
      life.push('begun');
      return {
        contribute: () => new Promise((resolve, reject) => void asked.push({ resolve, reject })),
        async dispose() {
          life.push('ended');
        },
      };
    },
    notify: (notice) => notices.push(notice),
  });
  const offer = async (id: string, of: Plan, blob: string): Promise<void> => {
    const certificates = [certificate];
    driver.received({ type: 'runOffer', runId: id, signedPlanBlob: blob, planHash: planHashOf(of), certificates });
    await vi.waitFor(() => expect(notices).toContainEqual(expect.objectContaining({ type: 'accepted', runId: id })));
  };
  await offer(runId, plan, signedPlanBlob);
  /** Another run of the same terms. */
  const acceptAnother = async (id: string): Promise<Plan> => {
    const other = { ...plan, name: `of ${id}` };
    await offer(id, other, await put(utf8(canonicalJson(signPlan(other, key)))));
    return other;
  };
  const begin = (attempt: number, of = plan, id = runId): string => {
    const header = sessionHeaderFor(of, { planHash: planHashOf(of), runId: id, round: 1, attempt, modelHash });
    driver.received({ type: 'sessionOpen', sessionId: sessionIdOf(header), header, answered: 0 });
    return sessionIdOf(header);
  };
  const integers = (): Int32Array => new Int32Array(inputs + 1).fill(7);
  return { driver, begin, acceptAnother, choose, integers, sent, uploads, vectors, notices, asked, timers, time, life };
}

it('begins with the run, before any session, and ends with the client', async () => {
  const { driver, life } = await accepted(0);
  await vi.waitFor(() => expect(life).toEqual(['begun']));
  await driver.close();
  expect(life).toEqual(['begun', 'ended']);
});

describe('what computes', () => {
  const wasm = { engine: 'tfjs wasm', device: 'cpu', rowsPerSecond: 116_047, machineBytes: 2 ** 34 } as const;
  const devicesIn = (sent: readonly ClientMessage[]): ClientMessage[] => sent.filter(({ type }) => type === 'device');

  it('is told to nobody unless the policy says so', async () => {
    const { driver, begin, choose, asked, sent } = await accepted(0);
    choose[0]!(wasm);
    begin(1);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    expect(sent.map(({ type }) => type)).toEqual(['runAccept']);
    await driver.close();
  });

  it('is told once a run where the policy says so, rounded, before the data are touched', async () => {
    const { driver, begin, choose, asked, sent, integers, uploads } = await accepted(0, undefined, {
      tellDevice: true,
    });
    choose[0]!(wasm);
    // A session's opening is the coordinator's own moment; when a trial ends is not.
    expect(devicesIn(sent)).toEqual([]);
    begin(1);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    const runId = 'cd'.repeat(16);
    const told = { type: 'device', runId, engine: 'tfjs wasm', device: 'cpu', rowsPerSecond: 120_000, memoryGb: 16 };
    expect(devicesIn(sent)).toEqual([told]);
    asked[0]!.resolve(integers());
    await vi.waitFor(() => expect(uploads).toHaveLength(1));
    begin(2);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(devicesIn(sent)).toHaveLength(1);
    await driver.close();
  });

  // Failure: the trial of another run's engines waits for the work on this one's rows, and its end tells how long that took.
  it('is not told of a run that is accepted after the data were touched', async () => {
    const { driver, begin, acceptAnother, choose, asked, sent } = await accepted(0, undefined, { tellDevice: true });
    begin(1);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    const id = 'ef'.repeat(16);
    const other = await acceptAnother(id);
    await vi.waitFor(() => expect(choose).toHaveLength(2));
    choose[1]!(wasm);
    begin(1, other, id);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(devicesIn(sent)).toEqual([]);
    await driver.close();
  });
});

it('that fails makes the client leave without a word of why; the next session is contributed to', async () => {
  const { driver, begin, integers, sent, uploads, notices, asked } = await accepted(0);
  const first = begin(1);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]!.reject(new Error('ward 12 has too many rows'));
  await vi.waitFor(() => expect(sent.at(-1)).toMatchObject({ type: 'sessionLeave', sessionId: first }));
  expect(sent.at(-1)).toMatchObject({ code: 'INTERNAL' });
  expect(JSON.stringify(sent)).not.toMatch(/ward 12|TRAINING/);
  expect(notices.at(-1)).toMatchObject({ code: 'TRAINING_FAILED', reason: expect.stringContaining('ward 12') });
  const second = begin(2);
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  asked[1]!.resolve(integers());
  await vi.waitFor(() => expect(uploads).toEqual([second]));
  await driver.close();
});

// Failure: whoever gives a session up and opens another one sees by its upload how long the work of the first took.
it('of a session that was given up is wiped, and the wait for it counts into the pace of the next', async () => {
  const { driver, begin, integers, uploads, notices, asked, timers, time } = await accepted(100);
  begin(1);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  const second = begin(2);
  time.now = 1_000;
  await vi.waitFor(() => expect(notices.at(-1)).toMatchObject({ type: 'sessionOpened', attempt: 2 }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const given = integers();
  time.now = 1_030;
  asked[0]!.resolve(given);
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  expect(given).toEqual(new Int32Array(given.length));
  time.now = 1_060;
  const charged = (): boolean => notices.some(({ type }) => type === 'charged');
  asked[1]!.resolve(integers());
  // Work of 30 ms after a wait of 30 ms, pace 100 ms.
  await vi.waitFor(() => expect(timers.map(({ ms }) => ms)).toEqual([40]));
  // Nothing that takes this thread's time happens when the work is done, but when the pace says so.
  expect(charged()).toBe(false);
  timers[0]!.action();
  await vi.waitFor(() => expect(uploads).toEqual([second]));
  expect(charged()).toBe(true);
  await driver.close();
});

// Failure: an upload that leaves later, earlier or not at all for a yes tells the coordinator the client's coin.
describe('where a coin of its own is hidden', () => {
  const hidden = examplePlan({
    trust: 'local',
    clients: 1,
    minSurvivors: 1,
    unit: 'client',
    evaluateEvery: null,
    overrides: {
      training: {
        query: {
          kind: 'update',
          clipNormL2: 1,
          localEpochs: 1,
          batchSize: 8,
          learningRate: 0.1,
          sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 },
        },
        strategy: { kind: 'fedAvg' },
        rounds: 4,
        paceMs: 100,
        noiseMultiplier: 4,
      },
    },
  });

  async function begun() {
    const client = await accepted(100, hidden);
    const session = client.begin(1);
    await vi.waitFor(() => expect(client.asked).toHaveLength(1));
    // The pace runs from before the work.
    expect(client.timers.map(({ ms }) => ms)).toEqual([100]);
    return { ...client, session };
  }

  it('work that is done early waits for the pace', async () => {
    const { driver, asked, timers, time, integers, uploads, vectors, session } = await begun();
    time.now = 30;
    asked[0]!.resolve(integers());
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(timers).toHaveLength(1);
    expect(uploads).toEqual([]);
    time.now = 100;
    timers[0]!.action();
    await vi.waitFor(() => expect(uploads).toEqual([session]));
    expect(vectors[0]).toEqual(integers());
    expect(timers).toHaveLength(1);
    await driver.close();
  });

  it.each(['is not done', 'fails'])(
    'work that %s by the pace is not waited for: noise leaves at the same time',
    async (how) => {
      const { driver, asked, timers, time, integers, uploads, vectors, notices, sent, session } = await begun();
      if (how === 'fails') asked[0]!.reject(new Error('out of memory'));
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(timers).toHaveLength(1);
      time.now = 103;
      timers[0]!.action();
      await vi.waitFor(() => expect(uploads).toEqual([session]));
      await vi.waitFor(() =>
        expect(notices).toContainEqual({
          type: 'updateLate',
          sessionId: session,
          round: 1,
          paceMs: 100,
          reason: expect.stringContaining(how === 'fails' ? 'out of memory' : 'training takes longer') as string,
        }),
      );
      expect(notices.some(({ type }) => type === 'sessionLeft')).toBe(false);
      const given = integers();
      expect(vectors[0]).not.toEqual(given);
      // 14 draws with a deviation of 15,000.
      expect(Math.max(...vectors[0]!.map(Math.abs))).toBeGreaterThan(10);
      if (how === 'is not done') {
        asked[0]!.resolve(given);
        await vi.waitFor(() => expect(given).toEqual(new Int32Array(given.length)));
      }
      expect(uploads).toHaveLength(1);
      expect(JSON.stringify(sent)).not.toMatch(/memory|TRAINING/);
      await driver.close();
    },
  );
});
