import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import type { Certificate } from '@sotto/shared/protocol';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileBlobs } from './file-blobs.ts';
import { createMemoryBlobs } from './memory-blobs.ts';
import { createMemoryStore } from './memory-store.ts';
import { openPostgresStore } from './open-postgres.ts';
import { openSqliteStore } from './open-sqlite.ts';
import { storeError } from './store-errors.ts';
import type { Blobs, ClientRecord, RunRecord, Store } from './store.ts';

const postgresUrl = process.env.SOTTO_POSTGRES;
const requireAll = process.env.SOTTO_REQUIRE === 'all';
const folder = await mkdtemp(join(tmpdir(), 'sotto-store-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const hash = (digit: string) => digit.repeat(64);

function clientRecord(client: string, voucherKey: string, quota: number): ClientRecord {
  const certificate: Certificate = {
    voucher: {
      kind: 'sotto-voucher',
      version: 1,
      name: 'clinic',
      authority: hash('a'),
      coordinator: 'https://127.0.0.1:1',
      tlsFingerprint: null,
      role: 'silo',
      quota,
      expiresAt: '2030-01-01T00:00:00Z',
      voucherKey,
      signature: 'b'.repeat(128),
    },
    identity: hash('c'),
    name: `clinic ${client.slice(0, 2)}`,
    signature: 'd'.repeat(128),
  };
  return { client, name: certificate.name, certificate, enrolledAt: 1_700_000_000_123 };
}

function runRecord(): RunRecord {
  return {
    runId: randomBytes(16).toString('hex'),
    planHash: randomBytes(32).toString('hex'),
    name: 'a run',
    signedPlanBlob: hash('e'),
    submittedAt: 1_700_000_000_456,
  };
}

/** Fails unless the work is refused with this code. */
async function expectRefused(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toMatchObject({ name: 'SottoError', code });
}

function contract(name: string, open: () => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(async () => {
      await store.close();
    });

    it('admits as many clients as the voucher says, and a known one again', async () => {
      const first = clientRecord(randomBytes(20).toString('hex'), randomBytes(32).toString('hex'), 1);
      const second = { ...first, client: randomBytes(20).toString('hex') };
      expect(await store.enrol(first, 1)).toBe('enrolled');
      expect(await store.enrol(first, 1)).toBe('known');
      expect(await store.enrol(second, 1)).toBe('quotaUsed');
      expect(await store.client(first.client)).toEqual(first);
      expect(await store.client(second.client)).toBeNull();
      expect((await store.clients()).map(({ client }) => client)).toContain(first.client);
    });

    it('holds the quota when clients of one voucher enrol at once', async () => {
      const voucher = randomBytes(32).toString('hex');
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => store.enrol(clientRecord(randomBytes(20).toString('hex'), voucher, 4), 4)),
      );
      expect(answers.filter((answer) => answer === 'enrolled')).toHaveLength(4);
      expect(answers.filter((answer) => answer === 'quotaUsed')).toHaveLength(2);
    });

    it('keeps the revocation list with the highest number', async () => {
      const list = (number: number, revoked: string[]) => ({
        kind: 'sotto-revocations' as const,
        version: 1 as const,
        authority: hash('a'),
        number,
        revoked,
        signature: 'f'.repeat(128),
      });
      const newest = (await store.revocations())?.number ?? 0;
      expect(await store.setRevocations(list(newest + 2, ['1'.repeat(40)]))).toBe(true);
      expect(await store.setRevocations(list(newest + 1, []))).toBe(false);
      expect(await store.setRevocations(list(newest + 2, []))).toBe(false);
      expect(await store.revocations()).toEqual(list(newest + 2, ['1'.repeat(40)]));
    });

    it('gives events, charges, transcript, releases and checkpoint back in order', async () => {
      const run = runRecord();
      const { runId, planHash } = run;
      await store.commit({
        runId,
        sequence: 0,
        event: '{"n":0}',
        run,
        transcript: { sequence: 0, hash: hash('0'), entry: '{}' },
      });
      const charge = { planHash, runId, round: 1, attempt: 1, event: null, chargedAt: 5 };
      await store.commit({
        runId,
        sequence: 1,
        event: '{"n":1}',
        charges: [
          { ...charge, slot: 'training' },
          { ...charge, slot: 'evaluation' },
        ],
      });
      await store.commit({
        runId,
        sequence: 2,
        event: '{"n":2}',
        transcript: { sequence: 1, hash: hash('1'), entry: '{"x":1}' },
        release: { runId, round: 1, attempt: 1, sumBlob: hash('2'), modelBlob: hash('3') },
        checkpoint: { runId, round: 1, stateBlob: hash('4'), modelBlob: hash('3') },
      });
      await store.commit({
        runId,
        sequence: 3,
        event: '{"n":3}',
        checkpoint: { runId, round: 2, stateBlob: hash('5'), modelBlob: hash('6') },
      });
      expect(await store.events(runId)).toEqual(['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}']);
      expect(await store.events(runId, 2)).toEqual(['{"n":2}', '{"n":3}']);
      expect(await store.events(runId, 4)).toEqual([]);
      expect((await store.charges(runId)).map(({ slot }) => slot)).toEqual(['training', 'evaluation']);
      expect((await store.charges(runId))[0]).toEqual({ ...charge, slot: 'training' });
      expect(await store.transcript(runId)).toEqual([
        { sequence: 0, hash: hash('0'), entry: '{}' },
        { sequence: 1, hash: hash('1'), entry: '{"x":1}' },
      ]);
      expect(await store.releases(runId)).toEqual([
        { runId, round: 1, attempt: 1, sumBlob: hash('2'), modelBlob: hash('3') },
      ]);
      expect(await store.checkpoint(runId)).toEqual({ runId, round: 2, stateBlob: hash('5'), modelBlob: hash('6') });
      expect(await store.run(runId)).toEqual(run);
      expect(await store.runs()).toContainEqual(run);
    });

    it('refuses a taken, a skipped and a repeated event, and keeps nothing of a refused commit', async () => {
      const run = runRecord();
      const { runId, planHash } = run;
      await expectRefused(store.commit({ runId, sequence: 0, event: '{}' }), 'CONFLICT');
      await store.commit({ runId, sequence: 0, event: '{}', run });
      await expectRefused(store.commit({ runId, sequence: 0, event: '{}', run }), 'CONFLICT');
      await expectRefused(store.commit({ runId, sequence: 2, event: '{}' }), 'CONFLICT');
      const charge = { planHash, runId, round: 1, slot: 'training', attempt: 1, event: null, chargedAt: 5 } as const;
      await store.commit({ runId, sequence: 1, event: '{}', charges: [charge] });
      await expectRefused(store.commit({ runId, sequence: 2, event: '{}', charges: [charge] }), 'CONFLICT');
      expect(await store.events(runId)).toHaveLength(2);
      expect(await store.charges(runId)).toHaveLength(1);
      await store.commit({ runId, sequence: 2, event: '{}' });
      expect(await store.events(runId)).toHaveLength(3);
    });

    it('knows nothing of runs and clients that are not there', async () => {
      expect(await store.run('none')).toBeNull();
      expect(await store.checkpoint('none')).toBeNull();
      expect(await store.events('none')).toEqual([]);
      expect(await store.client('none')).toBeNull();
    });
  });
}

contract('memory', async () => createMemoryStore());
contract('SQLite', () => openSqliteStore(join(folder, 'contract.db')));

if (postgresUrl !== undefined || requireAll) {
  contract('PostgreSQL', () => openPostgresStore(postgresUrl ?? ''));
  describe('PostgreSQL store', () => {
    it('refuses a second coordinator and a newer schema', async () => {
      const url = postgresUrl ?? '';
      const first = await openPostgresStore(url);
      await expectRefused(openPostgresStore(url), 'STORE_LOCKED');
      const reader = await openPostgresStore(url, 'read');
      await reader.close();
      await first.close();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<{ version: number }>('select version from schema_version');
      await client.query('update schema_version set version = 999');
      await expectRefused(openPostgresStore(url), 'STORE_TOO_NEW');
      await client.query('update schema_version set version = $1', [rows[0]?.version]);
      await client.end();
    });
  });
} else {
  describe.skip('store contract: PostgreSQL (set SOTTO_POSTGRES to a database url)', () => {
    it('is not run', () => undefined);
  });
}

describe('SQLite store', () => {
  it('refuses a second coordinator on the same file, and frees the lock when closed', async () => {
    const path = join(folder, 'locked.db');
    const first = await openSqliteStore(path);
    await expectRefused(openSqliteStore(path), 'STORE_LOCKED');
    const reader = await openSqliteStore(path, 'read');
    expect(await reader.runs()).toEqual([]);
    await reader.close();
    await first.close();
    await (await openSqliteStore(path)).close();
  });

  it('keeps what it acknowledged when it is opened again', async () => {
    const path = join(folder, 'again.db');
    const run = runRecord();
    const first = await openSqliteStore(path);
    await first.commit({ runId: run.runId, sequence: 0, event: '{}', run });
    await first.close();
    const second = await openSqliteStore(path);
    expect(await second.runs()).toEqual([run]);
    await second.close();
  });

  it('refuses a file that a newer version wrote', async () => {
    const path = join(folder, 'newer.db');
    await (await openSqliteStore(path)).close();
    const client = createClient({ url: `file:${path}` });
    await client.execute('update schema_version set version = 999');
    client.close();
    await expectRefused(openSqliteStore(path), 'STORE_TOO_NEW');
  });

  it('names a full disk', () => {
    expect(storeError(Object.assign(new Error('x'), { code: 'SQLITE_FULL' })).code).toBe('DISK_FULL');
    expect(storeError(Object.assign(new Error('x'), { code: 'ENOSPC' })).code).toBe('DISK_FULL');
    expect(storeError(new Error('anything else')).code).toBe('STORE_FAILED');
  });

  it('a page limit that is reached is a full disk, and what was kept stays readable', async () => {
    const path = join(folder, 'full.db');
    const run = runRecord();
    const store = await openSqliteStore(path, 'write', { maxPages: 60 });
    await store.commit({ runId: run.runId, sequence: 0, event: '{}', run });
    const large = JSON.stringify('x'.repeat(400_000));
    await expectRefused(store.commit({ runId: run.runId, sequence: 1, event: large }), 'DISK_FULL');
    expect(await store.events(run.runId)).toEqual(['{}']);
    await store.commit({ runId: run.runId, sequence: 1, event: '{"small":1}' });
    await store.close();
  });
});

for (const [name, open] of [
  ['memory', () => createMemoryBlobs()],
  ['files', () => createFileBlobs(join(folder, 'blobs'))],
] as const) {
  describe(`blob contract: ${name}`, () => {
    it('gives bytes back by their SHA-256, and nothing for another name', async () => {
      const blobs: Blobs = open();
      const bytes = new TextEncoder().encode('abc');
      const name = await blobs.put(bytes);
      expect(name).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
      expect(await blobs.put(bytes)).toBe(name);
      expect(new Uint8Array((await blobs.get(name)) ?? [])).toEqual(bytes);
      expect(await blobs.get(hash('0'))).toBeNull();
      expect(await blobs.get('../../etc/passwd')).toBeNull();
    });

    it('removes a blob, also one that is not there, and takes it again', async () => {
      const blobs: Blobs = open();
      const bytes = new TextEncoder().encode('to be removed');
      const name = await blobs.put(bytes);
      await blobs.remove(name);
      await blobs.remove(name);
      await blobs.remove('../../etc/passwd');
      expect(await blobs.get(name)).toBeNull();
      expect(await blobs.put(bytes)).toBe(name);
      expect(await blobs.get(name)).not.toBeNull();
    });
  });
}

it('file blobs leave no half-written file behind', async () => {
  const blobs = createFileBlobs(join(folder, 'clean'));
  const same = new Uint8Array(1_000).fill(7);
  await Promise.all(Array.from({ length: 8 }, () => blobs.put(same)));
  const names = await readdir(join(folder, 'clean'), { recursive: true, withFileTypes: true });
  expect(names.filter((entry) => entry.isFile())).toHaveLength(1);
});
