import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataSource } from '@sotto/client/node';
import type { MechanismEvent } from '@sotto/shared/privacy';
import type { RunStatus } from '@sotto/shared/protocol';
import { LocalFederation } from '@sotto/simulation/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

/** Every mechanism and trust mode once over real sockets, with a process for the coordinator and for each client. */
const names = ['north', 'east', 'south'];
const rounds = 4;
let folder: string;
let federation: LocalFederation;
const done: { readonly status: RunStatus; readonly event: Partial<MechanismEvent> }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-mechanisms-'));
  federation = await LocalFederation.open({
    dir: folder,
    schema: smallSchema,
    policy: {
      version: 1,
      maxEpsilon: 100,
      budget: { epsilon: 10_000, delta: 1e-5 },
      trust: ['secure', 'local', 'trusted'],
      minColluding: 0,
    },
    nodes: names.map((name) => ({ name, data: smallRows(name, 40) })),
  });
  await federation.startCoordinator();
  await federation.startNodes();
});

afterAll(async () => {
  await federation.stop();
  await rm(folder, { recursive: true, force: true });
});

const update = { kind: 'update', clipNormL2: 0.5, localEpochs: 1, batchSize: 8, learningRate: 0.1 };
const open = { cohort: { minSurvivors: 3, colluding: 0 } };
const mechanisms: readonly [string, object, object, Partial<MechanismEvent>][] = [
  ['trust local', {}, { trust: 'local', ...open }, { noise: 'localDiscreteGaussian' }],
  ['trust trusted', {}, { trust: 'trusted', ...open }, { noise: 'coordinatorDiscreteGaussian' }],
  ['adaptive clipping', { adaptiveClip: { clippedCountStddev: 10 } }, {}, { noise: 'distributedDiscreteGaussian' }],
  ['banded updates', { sampling: { kind: 'banded', bands: 2, maxParticipations: 2 } }, {}, {}],
  ['hidden sampling', { sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } }, {}, { samplingNumerator: 2 ** 31 }],
];

test.each(mechanisms)('%s: a run ends with its model, which replays', async (name, change, plan, event) => {
  const draft = {
    ...smallDraft(name, { rounds }),
    unit: 'client',
    privacy: { kind: 'dp', delta: 1e-5 },
    training: {
      query: { ...update, ...change },
      strategy: { kind: 'fedAvg' },
      rounds,
      // Longer than training takes: under hidden sampling what is late is not waited for.
      paceMs: name === 'hidden sampling' ? 500 : 20,
      noiseMultiplier: 4,
    },
    ...plan,
  };
  const { runId } = await federation.submit(draft);
  const status = await endOf(runId);
  expect(status.state, status.reason ?? '').toBe('finished');
  const replay = await federation.command(['replay', runId]);
  expect(replay['modelHash']).toBe(status.modelHash);
  expect(status.privacy.epsilonSoFar).toBeLessThanOrEqual(status.privacy.epsilon ?? 0);
  done.push({ status, event });
});

test('every client has booked every round of every run, by its own event', async () => {
  for (const node of federation.nodes.values()) node.kill('SIGTERM');
  await Promise.all([...federation.nodes.values()].map((node) => node.ended));
  expect(done).toHaveLength(mechanisms.length);
  for (const name of names) {
    const source = await openDataSource(join(folder, 'nodes', name, 'data.csv.sotto'));
    const { charges } = await source.ledger.load();
    await source.close();
    for (const { status, event } of done) {
      const own = charges.filter(({ planHash }) => planHash === status.planHash);
      // In turn, by their places in the roster: the second begins a round later, so that its last share is not due any more.
      const idle = status.name === 'banded updates' && placeOf(status, name) === 1 ? [1] : [];
      expect(own.map(({ round }) => round)).toEqual([1, 2, 3, 4].filter((round) => !idle.includes(round)));
      for (const charge of own) expect(charge.event).toMatchObject(event);
    }
  }
});

function placeOf(status: RunStatus, name: string): number {
  return status.clients.findIndex((client) => client.name === name);
}

async function endOf(runId: string): Promise<RunStatus> {
  for (;;) {
    const status = await federation.operator().status(runId);
    if (status.endedAt !== null) return status;
    await sleep(100);
  }
}
