import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { isSottoError } from '@sotto/shared/errors';
import { dataSchemaSchema } from '@sotto/shared/plan';
import { exampleAuthority } from '@sotto/shared/plan/testing';
import { authorityKeyOf, encodeInvitation, issueInvitation } from '@sotto/shared/protocol';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { openClient } from './node-client.ts';
import type { Notice } from './notices.ts';

const server = new FakeCoordinator();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-client-'));
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const schema = dataSchemaSchema.parse({
  name: 'pulses',
  unitId: 'patient',
  columns: [{ kind: 'number', name: 'pulse', min: 0, max: 300, centre: 70, scale: 20 }],
  target: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
});
const data = {
  rows: [
    { patient: 'a', pulse: 60, ill: 'no' },
    { patient: 'b', pulse: 90, ill: 'yes' },
  ],
};

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (isSottoError(error) ? error.code : String(error)),
  );

it('joins, starts on rows without a file, pauses and closes, by the calls of a page', async () => {
  const client = await openClient({ store: join(folder, 'store') });
  const policy = { version: 1 } as const;
  expect(await client.member()).toBeNull();
  expect(await codeOf(client.start({ data, schema, policy }))).toBe('NOT_FOUND');
  const terms = {
    coordinator: `http://127.0.0.1:${server.port}`,
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: '2040-01-01T00:00:00Z',
  } as const;
  const key = authorityKeyOf(exampleAuthority().seed);
  const invite = () => encodeInvitation(issueInvitation(key, terms, createNodeRandom()));
  const invitation = invite();
  const joined = await client.join(invitation, { name: 'Ada' });
  expect(joined).toMatchObject({ name: 'Ada', coordinator: terms.coordinator });
  expect(await client.join(invitation, { name: 'Ada' })).toEqual(joined);
  expect(await codeOf(client.join(invite(), { name: 'Ada' }))).toBe('CONFLICT');

  const notices: Notice[] = [];
  const running = await client.start({
    data,
    schema,
    policy,
    battery: 'charging',
    onNotice: (notice) => notices.push(notice),
  });
  const told = (type: Notice['type']) => notices.find((notice) => notice.type === type);
  await vi.waitFor(() => expect(told('connected')).toBeDefined(), 10_000);
  expect(told('dataRead')).toMatchObject({ report: { units: 2 } });
  expect(told('conditionUnknown')).toMatchObject({ condition: 'battery' });
  expect(await codeOf(client.start({ data, schema, policy }))).toBe('CONFLICT');
  await running.pause();
  await running.resume();
  expect(notices.slice(-2).map(({ type }) => type)).toEqual(['paused', 'resumed']);
  await running.close();
  expect(await running.done).toEqual({ runs: [] });
  expect(await client.model()).toBeNull();

  // What was closed can be started again, on the same books.
  const again = await openClient({ store: join(folder, 'store') });
  const second = await again.start({ data, schema, policy });
  await again.close();
  expect(await second.done).toEqual({ runs: [] });
});
