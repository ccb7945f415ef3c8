import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataSource } from '@sotto/client/node';
import type { RunStatus } from '@sotto/shared/protocol';
import { LocalFederation } from '@sotto/simulation/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

/** Two groups of three, a process for the coordinator and for each client. */
const names = ['north', 'east', 'south', 'west', 'up', 'down'];
const rounds = 3;
let folder: string;
let federation: LocalFederation;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-grouped-'));
  federation = await LocalFederation.open({
    dir: folder,
    schema: smallSchema,
    policy: { version: 1, maxEpsilon: 100, budget: { epsilon: 10_000, delta: 1e-5 }, trust: ['grouped'] },
    nodes: names.map((name) => ({ name, data: smallRows(name, 40) })),
  });
  await federation.startCoordinator();
  await federation.startNodes();
});

afterAll(async () => {
  await federation.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a round is the sum of two secure sums; one group alone goes on when the other cannot', async () => {
  const draft = {
    ...smallDraft('groups', { rounds }),
    trust: 'grouped',
    cohort: { minSurvivors: 3, colluding: 1, groups: { size: 3, minGroups: 1 } },
    spareAttempts: 10,
  };
  const { runId } = await federation.submit(draft);
  await until(runId, ({ round }) => round > 1);
  // Its group of three cannot make a sum any more.
  const [gone = ''] = names;
  federation.nodes.get(gone)?.kill('SIGKILL');
  const status = await until(runId, ({ endedAt }) => endedAt !== null);
  expect(status.state, status.reason ?? '').toBe('finished');
  expect(status.groups).toMatchObject({ total: 2, needed: 1 });
  const released = status.recentRounds
    .filter(({ outcome }) => outcome === 'released')
    .map(({ survivors }) => survivors);
  expect(released[0]).toBe(6);
  expect(released.at(-1)).toBe(3);
  const replay = await federation.command(['replay', runId]);
  expect(replay['modelHash']).toBe(status.modelHash);
  expect(String((await federation.command(['privacy', 'card', runId]))['kind'])).toBe('sotto-privacy-card');

  for (const node of federation.nodes.values()) node.kill('SIGTERM');
  await Promise.all([...federation.nodes.values()].map((node) => node.ended));
  const sessions: number[] = [];
  for (const name of names.slice(1)) {
    const source = await openDataSource(join(folder, 'nodes', name, 'data.csv.sotto'));
    const { charges } = await source.ledger.load();
    await source.close();
    // Once for each round in which its group made a sum.
    const training = charges.filter(({ slot }) => slot === 'training').map(({ round }) => round);
    expect(training[0]).toBe(1);
    sessions.push(new Set(training).size);
  }
  expect(sessions.filter((count) => count === rounds)).toHaveLength(3);
});

async function until(runId: string, holds: (status: RunStatus) => boolean): Promise<RunStatus> {
  for (;;) {
    const status = await federation.operator().status(runId);
    if (holds(status) || status.endedAt !== null) return status;
    await sleep(20);
  }
}
