import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { initialWeights, referenceModel, weightsToBytes } from '@sotto/shared/model';
import { inputWidth, parsePolicy, planHashOf, queryContext, sessionHeaderFor } from '@sotto/shared/plan';
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
import { canonicalJson, fromHex, toHex, utf8 } from '@sotto/shared/vector';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openDataSource } from '../ledger/data-source.ts';
import { createClientDriver, type ClientNotice } from './index.ts';

let folder = '';
let disk = '';
/** A disk of its own needs root. */
const mountable = process.platform === 'linux' && process.getuid?.() === 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-full-'));
  disk = join(folder, 'disk');
  await mkdir(disk);
  if (mountable) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
});
afterAll(async () => {
  if (mountable) execFileSync('umount', ['-l', disk]);
  await rm(folder, { recursive: true });
});

/** Writes until nothing goes any more. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  const block = new Uint8Array(4_096);
  for (;;) {
    const full = await file.write(block).then(
      ({ bytesWritten }) => bytesWritten < block.length,
      () => true,
    );
    if (full) break;
  }
  await file.close();
}

it.skipIf(!mountable)(
  'a full disk under the books: the session is left, nothing is uploaded, and room mends it',
  async () => {
    const crypto = createNodeCrypto();
    const key = authorityKeyOf(exampleAuthority().seed);
    const plan = examplePlan({
      trust: 'trusted',
      clients: 1,
      minSurvivors: 1,
      evaluateEvery: null,
      spareAttempts: 4,
      unit: 'client',
      paceMs: 0,
    });
    const planHash = planHashOf(plan);
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

    const filler = join(disk, 'filler');
    let full = true;
    const sent: ClientMessage[] = [];
    const uploads: string[] = [];
    const notices: ClientNotice[] = [];
    const books = join(disk, 'books');
    const source = await openDataSource(books);
    const rows = 4;
    const driver = await createClientDriver({
      clock: { now: () => 0, after: () => () => undefined },
      transport: {
        async send(message) {
          sent.push(message);
          return { ok: true };
        },
        async fetchBlob(hash) {
          // The attempt is marked by now; what is left to write is its charge.
          if (hash === modelHash && full) await fill(filler);
          return blobs.get(hash) ?? new Uint8Array(0);
        },
        async upload(message) {
          uploads.push(message.sessionId);
          return { ok: true };
        },
      },
      crypto,
      random: createNodeRandom(),
      identity: { client: own!.client, sign: (message) => crypto.ed25519Sign(fromHex(own!.seed), message) },
      authority: key.publicKey,
      policy: parsePolicy({ version: 1, trust: ['trusted'], minSurvivors: 1, minColluding: 0 }),
      revocations: null,
      ledger: source.ledger,
      data: {
        schema: plan.schema,
        unitsOf: () => ({
          units: rows,
          rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
          rows,
          inputs: new Float32Array(rows * inputWidth(plan.schema)),
          features: inputWidth(plan.schema),
          targets: new Float32Array(rows),
        }),
      },
      createModel: async () => referenceModel(topology, inputs, plan.loss),
      notify: (notice) => notices.push(notice),
    });
    const begin = (attempt: number): void => {
      const header = sessionHeaderFor(plan, { planHash, runId, round: 1, attempt, modelHash });
      driver.received({ type: 'sessionOpen', sessionId: sessionIdOf(header), header, answered: 0 });
    };

    driver.received({ type: 'runOffer', runId, signedPlanBlob, planHash, certificates: [certificate] });
    await vi.waitFor(() => expect(notices).toContainEqual(expect.objectContaining({ type: 'accepted' })));
    begin(1);
    await vi.waitFor(() => expect(sent.at(-1)).toMatchObject({ type: 'sessionLeave', code: 'DISK_FULL' }), 10_000);
    expect(notices.at(-1)).toMatchObject({ type: 'sessionLeft', code: 'DISK_FULL' });
    expect(JSON.stringify(sent)).not.toContain(disk);
    // Still full: the next attempt cannot even be marked.
    begin(2);
    await vi.waitFor(() => expect(sent.filter(({ type }) => type === 'sessionLeave')).toHaveLength(2), 10_000);
    expect(uploads).toEqual([]);

    full = false;
    await rm(filler);
    begin(3);
    await vi.waitFor(() => expect(uploads).toHaveLength(1), 10_000);
    await driver.close();
    await source.close();
    const again = await openDataSource(books);
    const record = await again.ledger.load();
    await again.close();
    expect(record.charges.map(({ attempt }) => attempt)).toEqual([3]);
    expect(record.marks.get(planHash)).toBe(3);
  },
);
