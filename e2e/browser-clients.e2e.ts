import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { encodeInvitation, issueInvitation, type RunStatus } from '@sotto/shared/protocol';
import { dataSchemaSchema, type DataSchema } from '@sotto/shared/plan';
import { LocalFederation } from '@sotto/simulation/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from './testing/browser-crypto.ts';
import { ClientPages, isBuilt, type Tab } from './testing/client-pages.ts';

const policy = { version: 1, maxEpsilon: 100, budget: { epsilon: 10_000, delta: 1e-5 } } as const;
const silos = ['silo-north', 'silo-east'];
const tabNames = ['ada', 'bea', 'cleo', 'dora', 'eva'];
const examples = new URL('../examples/digits-8x8/', import.meta.url);

/**
 * Five tabs of a real browser and two silos sum in secret, with differential privacy. Skipped without a Chromium, and before
 * `npm run build`.
 *
 * A failure: a round that two lost tabs stop, a tab that is not back in the next round, a charge that is not in the books after
 * a reload, a page that waits for its client. No failure: that a closed tab is missed.
 */
describe.skipIf(!hasChromium || !isBuilt)('five tabs and two silos', () => {
  let folder: string;
  let federation: LocalFederation;
  let pages: ClientPages;
  let schema: DataSchema;
  let rows: readonly string[];
  let draft: Readonly<Record<string, unknown>>;
  const tabs = new Map<string, Tab>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sotto-browser-'));
    pages = await ClientPages.open();
    schema = dataSchemaSchema.parse(JSON.parse(await readFile(new URL('schema.json', examples), 'utf8')));
    rows = await ownersRows();
    draft = await digitsDraft();
    federation = await LocalFederation.open({
      dir: folder,
      schema,
      policy,
      nodes: silos.map((name, index) => ({ name, data: rows[index] ?? '' })),
      tls: false,
      origins: [pages.origin],
    });
    await federation.startCoordinator();
    await federation.startNodes();
  });

  afterAll(async () => {
    await pages.close();
    await federation.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('join with invitations and finish a secure round', async () => {
    for (const [index, name] of tabNames.entries()) {
      const tab = await pages.tab();
      tabs.set(name, tab);
      await begin(name, index, invitation(federation));
    }
    await Promise.all([...tabs.values()].map((tab) => tab.until(`notice.type === 'connected'`)));
    const { runId } = await federation.submit({ ...draft, training: { ...training(draft), rounds: 1, paceMs: 50 } });
    const status = await endOf(federation, runId);
    expect(status.state, status.reason ?? '').toBe('finished');
    expect(status.recentRounds[0]?.survivors).toBe(7);
    for (const [name, tab] of tabs) {
      const { atMs } = await tab.until(`notice.type === 'sessionClosed' && notice.outcome === 'released'`);
      const gap = await tab.evaluate<number>('state.longestGapMs');
      console.log(`${name}: ${Math.round(atMs)} ms from page to first round, longest gap ${Math.round(gap)} ms`);
      expect(gap).toBeLessThan(150);
      expect(tab.complaints).toEqual([]);
    }
  });

  test('a tab that closes after its shares and one that reloads are lost, the round is released, and the second is back', async () => {
    const [ada, bea] = [tabs.get('ada')!, tabs.get('bea')!];
    const spent = (await bea.until(`notice.type === 'charged'`))['epsilonAfter'];
    // The time between shares and upload is the pace: both go in it.
    const { runId } = await federation.submit({
      ...draft,
      training: { ...training(draft), rounds: 3, paceMs: 1_500 },
      deadlines: { uploadMs: 6_000 },
    });
    const shared = `notice.type === 'stage' && notice.round === 2 && notice.stage === 'share'`;
    await Promise.all([ada.until(shared), bea.until(shared)]);
    await Promise.all([ada.page.close(), bea.page.reload()]);
    await begin('bea', tabNames.indexOf('bea'), null);
    const status = await endOf(federation, runId);
    expect(status.state, status.reason ?? '').toBe('finished');
    const released = status.recentRounds.filter(({ outcome }) => outcome === 'released');
    expect(released.map(({ round, survivors }) => [round, survivors])).toEqual([
      [1, 7],
      [2, 5],
      [3, 6],
    ]);
    const notices = await bea.notices();
    const books = notices.find(({ type }) => type === 'books');
    expect(books?.['epsilonSpent']).toBeGreaterThan(Number(spent));
    expect(notices.filter(({ type }) => type === 'charged').map(({ round }) => round)).toEqual([3]);
    const survived = new Map(status.clients.map(({ name, sessionsSurvived }) => [name, sessionsSurvived]));
    expect([survived.get('ada'), survived.get('bea'), survived.get('eva'), survived.get('silo-east')]).toEqual([1, 2, 3, 3]);
    const model = await bea.evaluate<{ runId: string; weights: number } | null>(
      `state.client.model().then((model) => ({ runId: model.runId, weights: model.weights.length }))`,
    );
    expect(model).toEqual({ runId, weights: 64 * 32 + 32 + 32 * 10 + 10 });
    expect(bea.complaints).toEqual([]);
  });

  async function begin(name: string, index: number, line: string | null): Promise<void> {
    await tabs.get(name)?.begin({
      store: name,
      invitation: line,
      name,
      csv: rows[silos.length + index] ?? '',
      schema,
      policy,
    });
  }
});

function training(draft: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return draft['training'] as Readonly<Record<string, unknown>>;
}

/** The rows of each owner, as CSV text. */
async function ownersRows(): Promise<readonly string[]> {
  const [data, splits] = await Promise.all(
    ['data.csv', 'splits-dirichlet03-10.json'].map((name) => readFile(new URL(name, examples), 'utf8')),
  );
  const [header = '', ...lines] = (data ?? '').trim().split('\n');
  const { clients } = JSON.parse(splits ?? '') as { clients: { train: number[] }[] };
  return clients.map(({ train }) => [header, ...train.map((row) => lines[row])].join('\n'));
}

/** The plan of the example, for seven owners. */
async function digitsDraft(): Promise<Readonly<Record<string, unknown>>> {
  const draft = JSON.parse(await readFile(new URL('plan.json', examples), 'utf8')) as Record<string, unknown>;
  return {
    ...draft,
    evaluation: null,
    cohort: { minSurvivors: 5, colluding: 1 },
    privacy: { kind: 'dp', delta: 1e-5, epsilon: 3 },
    split: { validation: 0, test: 0 },
    spareAttempts: 1,
  };
}

function invitation(federation: LocalFederation): string {
  const terms = {
    coordinator: federation.url,
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  } as const;
  return encodeInvitation(issueInvitation(federation.authority, terms, createNodeRandom()));
}

async function endOf(federation: LocalFederation, runId: string): Promise<RunStatus> {
  for (;;) {
    const status = await federation.operator().status(runId);
    if (status.endedAt !== null) return status;
    await sleep(50);
  }
}
