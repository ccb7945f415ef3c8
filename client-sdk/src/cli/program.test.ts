import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleAuthority, examplePlan } from '@sotto/shared/plan/testing';
import { authorityKeyOf, encodeInvitation, issueInvitation } from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FakeCoordinator } from '../testing/fake-coordinator.ts';
import { runCli } from './program.ts';

let folder = '';
const server = new FakeCoordinator();
const lines: Record<string, unknown>[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-node-'));
  server.port = await freePort();
  const { schema } = examplePlan();
  await writeFile(join(folder, 'schema.json'), JSON.stringify(schema));
  await writeFile(join(folder, 'data.csv'), `${columnsOf(schema).join(',')}\n`);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});
afterEach(() => {
  lines.length = 0;
  vi.restoreAllMocks();
});

function columnsOf(schema: ReturnType<typeof examplePlan>['schema']): string[] {
  return [
    ...(schema.unitId === null ? [] : [schema.unitId]),
    ...schema.columns.map(({ name }) => name),
    schema.target.column,
  ];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function invitation(seed: string, expiresAt = '2040-01-01T00:00:00Z'): string {
  const terms = {
    coordinator: `http://127.0.0.1:${server.port}`,
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt,
  } as const;
  return encodeInvitation(issueInvitation(authorityKeyOf(exampleAuthority().seed), terms, createSeededRandom(seed)));
}

/** Runs the command; what it says with --json is listed. */
function node(...parameters: string[]): Promise<number> {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    for (const line of String(text).trim().split('\n')) {
      if (line.startsWith('{')) lines.push(JSON.parse(line) as Record<string, unknown>);
    }
    return true;
  });
  const where = ['--json', '--folder', join(folder, 'identity')];
  return runCli(['node', 'sotto-node', ...where, ...parameters]);
}

const run = (...more: string[]): Promise<number> =>
  node('run', '--schema', join(folder, 'schema.json'), '--data', join(folder, 'data.csv'), '--once', ...more);
const told = (type: string) => lines.filter((line) => line['type'] === type);
const ended = {
  type: 'runEnded',
  runId: 'cd'.repeat(16),
  outcome: 'finished',
  modelHash: 'ab'.repeat(32),
  reason: null,
} as const;

describe('sotto-node', () => {
  it('has not joined: says so and ends with 2', async () => {
    expect(await run()).toBe(2);
    expect(told('error')).toMatchObject([{ code: 'FILE_NOT_FOUND', message: expect.stringContaining('join') }]);
  });

  it('joins first with --invitation, waits for the coordinator, and ends after a run that it missed', async () => {
    const file = join(folder, 'invitation.txt');
    await writeFile(file, `${invitation('a')}\n`);
    const code = run('--invitation', file, '--name', 'clinic');
    await vi.waitFor(() => expect(told('retrying')).toMatchObject([{ code: 'UNREACHABLE' }]), 10_000);
    await server.start();
    await vi.waitFor(() => expect(told('connected')).toHaveLength(1), 10_000);
    expect(told('joined')).toMatchObject([{ name: 'clinic' }]);
    server.send(ended);
    expect(await code).toBe(0);
    expect(told('ended')).toEqual([{ type: 'ended', runs: [] }]);
  });

  it('has joined: the same invitation is good again, also as a line; another one is not', async () => {
    const before = await readFile(join(folder, 'identity', 'identity.json'), 'utf8');
    const code = run('--invitation', invitation('a'));
    await vi.waitFor(() => expect(told('connected')).toHaveLength(1), 10_000);
    server.send(ended);
    expect(await code).toBe(0);
    expect(await readFile(join(folder, 'identity', 'identity.json'), 'utf8')).toBe(before);
    expect(await run('--invitation', invitation('b'))).toBe(11);
    expect(told('error')).toMatchObject([{ code: 'CONFLICT' }]);
  });

  it('takes part with a table that memory does not hold: its rows lie in a file that nobody finds', async () => {
    const { schema } = examplePlan();
    const cells = schema.columns.map((column) =>
      column.kind === 'number' ? column.min : column.kind === 'category' ? column.values[0] : '',
    );
    const { target } = schema;
    const row = (id: number) =>
      [...(schema.unitId === null ? [] : [id]), ...cells, target.kind === 'binary' ? target.positive : 0].join(',');
    const file = join(folder, 'many.csv');
    const lines = Array.from({ length: 200 }, (_, index) => row(index % 60));
    await writeFile(file, [columnsOf(schema).join(','), ...lines].join('\n'));
    const code = run('--data', file, '--memory', '2kB');
    await vi.waitFor(() => expect(told('connected')).toHaveLength(1), 10_000);
    expect(told('dataRead')).toMatchObject([{ inFile: true, report: { rows: 200, rowsKept: 200 } }]);
    expect((await readdir(`${file}.sotto`)).filter((name) => name.startsWith('rows'))).toEqual([]);
    server.send(ended);
    expect(await code).toBe(0);
  });

  it('refuses an expired invitation and what is none', async () => {
    expect(await node('join', invitation('c', '2020-01-01T00:00:00Z'), '--folder', join(folder, 'other'))).toBe(4);
    expect(await node('join', 'nothing', '--folder', join(folder, 'other'))).toBe(2);
    expect(told('error')).toMatchObject([{ code: 'INVITATION_INVALID' }, { code: 'FILE_NOT_FOUND' }]);
  });
});
