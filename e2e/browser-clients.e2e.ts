import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConsentRequest, Explanation, Prediction, RowRecord } from '@sotto/client';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { encodeInvitation, issueInvitation, type RunStatus } from '@sotto/shared/protocol';
import { dataSchemaSchema, type DataSchema } from '@sotto/shared/plan';
import { LocalFederation } from '@sotto/simulation/local';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from './testing/browser-crypto.ts';
import { ClientPages, isBuilt, isolation, strictPolicy, type BeginOptions, type Tab } from './testing/client-pages.ts';

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
  let strict: Readonly<Record<string, string>>;
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
    strict = { 'content-security-policy': strictPolicy(federation.url) };
    pages.fileHeaders = { ...strict, ...isolation };
  });

  afterAll(async () => {
    await pages.close();
    await federation.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('join with invitations and finish a secure round', async () => {
    const control = await pages.tab(strict);
    for (const [index, name] of tabNames.entries()) {
      // Of two kinds of pages: all under a strict policy, and every second one isolated from other origins.
      const tab = await pages.tab(index % 2 === 0 ? strict : { ...strict, ...isolation });
      expect(await tab.evaluate('crossOriginIsolated')).toBe(index % 2 === 1);
      tabs.set(name, tab);
      await begin(name, invitation(federation));
    }
    await Promise.all([...tabs.values()].map((tab) => tab.until(`notice.type === 'connected'`)));
    const { runId } = await federation.submit({ ...draft, training: { ...training(draft), rounds: 1, paceMs: 50 } });
    const status = await endOf(federation, runId);
    expect(status.state, status.reason ?? '').toBe('finished');
    expect(status.recentRounds[0]?.survivors).toBe(7);
    const idle = await control.evaluate<number>('state.longestGapMs');
    for (const [name, tab] of tabs) {
      const { atMs } = await tab.until(`notice.type === 'sessionClosed' && notice.outcome === 'released'`);
      const gap = await tab.evaluate<number>('state.longestGapMs');
      console.log(
        `${name}: first secure round ${Math.round(atMs)} ms after the page; longest gap ${Math.round(gap)} ms, ` +
          `${Math.round(idle)} ms on a page without a client`,
      );
      // The goal is 50 ms; a machine that is busy with other things makes gaps on every page.
      expect(gap).toBeLessThan(150 + 2 * idle);
      expect(tab.complaints).toEqual([]);
    }
  });

  test('books and identity in IndexedDB are what those in memory are, over restarts', async () => {
    const { checked, faults } = await pages.fromWorker<{ checked: number; faults: string[] }>('./store-worker.ts');
    expect(faults).toEqual([]);
    expect(checked).toBe(18);
  });

  test('a tab that closes after its shares and one that reloads are lost, the round is released, and the second is back', async () => {
    const [ada, bea] = [tabs.get('ada')!, tabs.get('bea')!];
    const spent = (await bea.until(`notice.type === 'charged'`))['epsilonAfter'];
    // The time between shares and upload is the pace: both go in it.
    const { runId } = await federation.submit({
      ...draft,
      training: { ...training(draft), rounds: 3, paceMs: 1_000 },
      deadlines: { uploadMs: 5_000 },
    });
    const shared = `notice.type === 'stage' && notice.round === 2 && notice.stage === 'share'`;
    await Promise.all([ada.until(shared), bea.until(shared)]);
    await Promise.all([ada.page.close(), bea.page.reload()]);
    await begin('bea', null);
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
    expect([survived.get('ada'), survived.get('bea'), survived.get('eva'), survived.get('silo-east')]).toEqual([
      1, 2, 3, 3,
    ]);
    const model = await bea.evaluate<{ runId: string; weights: number } | null>(
      `state.client.model().then((model) => ({ runId: model.runId, weights: model.weights.length }))`,
    );
    expect(model).toEqual({ runId, weights: 64 * 32 + 32 + 32 * 10 + 10 });
    // Judged in a worker of its own, by column name.
    const row = JSON.stringify(firstRow(rows[silos.length + 1] ?? '', schema));
    const judged = await bea.evaluate<{ predicted: Prediction; explained: Explanation; refused: string }>(
      `state.client.model().then(async (model) => ({
        predicted: (await state.client.predict(model, [${row}]))[0],
        explained: await state.client.explain(model, ${row}, { explained: '3' }),
        refused: await state.client.predict(model, [{}]).catch(({ code }) => code),
      }))`,
    );
    expect(judged.predicted).toMatchObject({ kind: 'class', value: expect.stringMatching(/^\d$/) as string });
    expect(judged.explained).toMatchObject({ explained: { kind: 'logit', of: '3' }, complete: true });
    expect(judged.explained.prediction).toEqual(judged.predicted);
    expect(judged.explained.features).toHaveLength(64);
    expect(judged.refused).toBe('DATA_INVALID');
    expect(bea.complaints).toEqual([]);
  });

  test('a paused tab is left out, a second tab waits, a person is asked in words, and tfjs trains within the policy', async () => {
    const [cleo, dora, eva] = ['cleo', 'dora', 'eva'].map((name) => tabs.get(name)!) as [Tab, Tab, Tab];
    await cleo.evaluate('state.running.pause()');
    await cleo.until(`notice.type === 'paused'`);
    // The same store in another tab: it neither joins nor takes part until the first one ends.
    const second = await pages.tab(strict);
    await second.begin({ ...beginning('eva'), consent: true });
    await second.until(`notice.type === 'elsewhere'`);
    expect((await second.notices()).some(({ type }) => type === 'connected')).toBe(false);
    await eva.evaluate('state.running.close()');
    expect(await eva.evaluate('state.ended')).toMatchObject({ result: {} });
    await second.until(`notice.type === 'connected'`);
    // So many weights on so many units that engines are timed against one another.
    const query = { ...(training(draft)['query'] as object), expectedBatch: 10_000 };
    const { runId } = await federation.submit({
      ...draft,
      topology: {
        layers: [
          { kind: 'dense', units: 300, activation: 'tanh' },
          { kind: 'dense', units: 10, activation: 'linear' },
        ],
      },
      training: { ...training(draft), query, rounds: 1, paceMs: 50 },
    });
    const status = await endOf(federation, runId);
    expect(status.state, status.reason ?? '').toBe('finished');
    expect(status.recentRounds[0]?.survivors).toBe(5);
    expect(await cleo.until(`notice.type === 'sessionLeft'`)).toMatchObject({ code: 'CANCELLED' });
    await cleo.evaluate('state.running.resume()');
    await cleo.until(`notice.type === 'resumed'`);

    const [asked] = await second.evaluate<ConsentRequest[]>('state.asked');
    expect(asked?.words.asked.join(' ')).toContain('reads 64 columns of “digits-8x8”');
    expect(asked?.words.leaves.join(' ')).toContain('Nobody');
    expect(asked?.words.cost[0]).toBe('At most ε = 3 at δ = 0.00001, for one record that is used to train.');
    for (const tab of [dora, second]) {
      const { reason } = await tab.until(`notice.type === 'engine' && notice.reason.includes('tfjs')`);
      expect(reason).toMatch(/ms with typed arrays/);
      expect(reason).toMatch(/ms with tfjs wasm/);
      expect(tab.complaints).toEqual([]);
    }
  });

  test('the example page joins, asks in words, shows progress and keeps the model', async () => {
    const vite = fileURLToPath(new URL('../node_modules/vite/bin/vite.js', import.meta.url));
    const page = fileURLToPath(new URL('../examples/browser-page', import.meta.url));
    await promisify(execFile)(process.execPath, [vite, 'build', page, '--logLevel', 'warn']);
    const opened = await pages.examplePage();
    const complaints: string[] = [];
    opened.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    opened.on('pageerror', (error) => complaints.push(error.message));
    await opened.getByLabel('Invitation').fill(invitation(federation));
    await opened.getByLabel('Name that the others see').fill('flo');
    const csv = Buffer.from(rows[silos.length + tabNames.length] ?? '');
    await opened.getByLabel('Table (CSV)').setInputFiles({ name: 'digits.csv', mimeType: 'text/csv', buffer: csv });
    await opened.getByRole('button', { name: 'Join and start' }).click();
    await opened.getByText('Connected: waiting for a run').waitFor();
    const { runId } = await federation.submit({
      ...draft,
      cohort: { minSurvivors: 6, colluding: 1 },
      training: { ...training(draft), rounds: 2, paceMs: 50 },
    });
    const dialog = opened.getByRole('dialog');
    await dialog.waitFor();
    expect(await dialog.getByRole('listitem').allTextContents()).toContain(
      'At most ε = 3 at δ = 0.00001, for one record that is used to train.',
    );
    expect(await violations(opened)).toEqual([]);
    const pictures = process.env['SOTTO_PICTURES'];
    if (pictures !== undefined) await opened.screenshot({ path: join(pictures, 'browser-page.png') });
    await dialog.getByRole('button', { name: 'Take part', exact: true }).click();
    const status = await endOf(federation, runId);
    expect(status.state, status.reason ?? '').toBe('finished');
    await opened.getByText('is kept on this device').waitFor();
    expect(await opened.getByText('is kept on this device').textContent()).toContain(status.modelHash.slice(0, 16));
    expect(await opened.locator('#spent').textContent()).toMatch(/^at most ε = \d\.\d\d of 10$/);
    expect(await opened.evaluate("document.querySelector('#rounds').value")).toBe(2);
    expect(await violations(opened)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  async function begin(name: string, line: string | null): Promise<void> {
    await tabs.get(name)?.begin({ ...beginning(name), invitation: line });
  }

  function beginning(name: string): BeginOptions {
    const csv = rows[silos.length + tabNames.indexOf(name)] ?? '';
    return { store: name, invitation: null, name, csv, schema, policy };
  }
});

/** Rules of WCAG 2.2 AA that a page breaks. */
async function violations(page: Page): Promise<readonly string[]> {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const found = await page.evaluate<{ violations: { id: string }[] }>(
    `${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })`,
  );
  return found.violations.map(({ id }) => id);
}

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

/** An owner's first row by column name, as a page would ask about it. */
function firstRow(csv: string, { columns }: DataSchema): RowRecord {
  const [header = [], cells = []] = csv.split('\n', 2).map((line) => line.split(','));
  return Object.fromEntries(columns.map(({ name }) => [name, cells[header.indexOf(name)] ?? null]));
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
