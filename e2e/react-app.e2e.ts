import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalFederation } from '@sotto/simulation/local';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../dashboard/testing/browser.ts';
import { policy, schema } from '../examples/react-app/src/task.ts';
import { hasChromium } from './testing/browser-crypto.ts';
import { isBuilt, strictPolicy } from './testing/client-pages.ts';
import { type } from './testing/commands.ts';
import { endOfRun, invitationTo } from './testing/invite.ts';
import { smallDraft, smallRows } from './testing/small-data.ts';

/**
 * The React example as it is built, under a strict policy, in a real browser: a person joins, hands over a file, is asked, takes
 * part in a run with two silos, and asks the model. A failure: a step that does not come, a rule of WCAG that is broken, a page that
 * scrolls sideways, a complaint of the browser. Skipped without a Chromium, and before `npm run build`.
 *
 * `SOTTO_SCREENSHOTS=FOLDER` keeps a picture of each step.
 */
const silos = ['north', 'east'];
const rounds = 2;
const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
};

describe.skipIf(!hasChromium || !isBuilt)('the React example', () => {
  let folder: string;
  let federation: LocalFederation;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let axe: string;
  let headers: Readonly<Record<string, string>> = {};
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sotto-react-'));
    const site = join(folder, 'site');
    const example = fileURLToPath(new URL('../examples/react-app', import.meta.url));
    const built = await type(`vite build --outDir ${site}`, { cwd: example });
    expect(built.code, built.out + built.err).toBe(0);
    server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://page').pathname;
      const file = join(site, path === '/' ? 'index.html' : normalize(path));
      if (!file.startsWith(site) || !existsSync(file)) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream', ...headers });
      createReadStream(file).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    federation = await LocalFederation.open({
      dir: join(folder, 'federation'),
      schema,
      policy,
      nodes: silos.map((name) => ({ name, data: smallRows(name, 40) })),
      tls: false,
      origins: [origin],
    });
    await federation.startCoordinator();
    await federation.startNodes();
    headers = { 'content-security-policy': `${strictPolicy(federation.url)}; style-src 'self'; img-src data:` };
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    browser = await launchBrowser();
    page = await browser.newPage({ reducedMotion: 'reduce' });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(origin);
  });

  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
    await federation?.stop();
    await rm(folder, { recursive: true, force: true });
    expect(complaints).toEqual([]);
  });

  test('joins with an invitation', async () => {
    await status('You have not joined yet');
    await page.getByLabel('Your name').fill('Ada');
    await page.getByLabel('Invitation').fill('sotto1.not-an-invitation');
    await page.getByRole('button', { name: 'Join' }).click();
    await page.getByRole('alert').waitFor();
    await look('join');
    await page.getByLabel('Invitation').fill(invitationTo(federation));
    await page.getByRole('button', { name: 'Join' }).click();
    await status('Joined as Ada');
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('takes part with the rows of a file', async () => {
    // A row that the schema leaves out.
    const buffer = Buffer.from(`${smallRows('Ada', 40)}9,0,0,0,yes\n`);
    await page.getByLabel('A CSV file').setInputFiles({ name: 'rows.csv', mimeType: 'text/csv', buffer });
    await page.getByRole('button', { name: 'Take part' }).click();
    await status('Connected; waiting for a run');
    await page.getByText('40, 1 left out').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await status('Paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await status('Connected; waiting for a run');
  });

  test('is asked in words, and finishes the rounds', { timeout: 60_000 }, async () => {
    const { runId } = await federation.submit(smallDraft('Findings of three', { rounds }));
    const dialog = page.getByRole('dialog', { name: 'Findings of three' });
    await dialog.waitFor();
    for (const said of ['What leaves this browser', 'At most ε = 2 at δ = 0.00001']) {
      expect(await dialog.textContent()).toContain(said);
    }
    await page.keyboard.press('Escape');
    expect(await dialog.isVisible()).toBe(true);
    await look('consent');
    await dialog.getByRole('button', { name: 'Agree' }).click();
    await status('“Findings of three” has finished');
    expect(await dialog.count()).toBe(0);
    const ended = await endOfRun(federation, runId);
    expect(ended.state, ended.reason ?? '').toBe('finished');
    expect(ended.clients.find(({ name }) => name === 'Ada')?.sessionsSurvived).toBe(rounds);
    await page.getByText(`${rounds} of ${rounds}`).waitFor();
    const spent = await page.getByText(/^ε ≤ /).textContent();
    expect(Number(/^ε ≤ ([\d.]+) of 10$/.exec(spent ?? '')?.[1])).toBeGreaterThan(1);
  });

  test('predicts with the model, also when the page was loaded again', async () => {
    await page.getByText('From “Findings of three”').waitFor();
    await look('model', ask);
    const before = await ask();
    await page.reload();
    await status('Joined as Ada');
    expect(await ask()).toBe(before);
    await page.getByLabel('pulse', { exact: true }).fill('17');
    await page.getByRole('button', { name: 'Predict ill' }).click();
    await page.getByText('pulse: outside [-5, 5]').waitFor();
  });

  /** What the model says of one row. */
  async function ask(): Promise<string> {
    for (const [name, value] of Object.entries({ pressure: '1.9', pulse: '-1.9', age: '1', sugar: '0' })) {
      await page.getByLabel(name, { exact: true }).fill(value);
    }
    await page.getByRole('button', { name: 'Predict ill' }).click();
    const said = page.locator('output');
    await said.getByText(/^yes [\d.]+ %/).waitFor();
    return (await said.textContent()) ?? '';
  }

  async function status(words: string): Promise<void> {
    await page.getByRole('status').filter({ hasText: words }).waitFor();
  }

  /** No rule is broken and nothing scrolls sideways, in both themes, wide and narrow. */
  async function look(step: string, first: () => Promise<unknown> = async () => undefined): Promise<void> {
    await first();
    await page.evaluate(axe);
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const broken = await page.evaluate<string[]>(
          `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
            violations.map(({ id, nodes }) => id + ': ' + nodes[0].html.slice(0, 160)))`,
        );
        expect(broken, `${step} ${colorScheme} ${width}`).toEqual([]);
        const sideways = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
        expect(await page.evaluate<number>(sideways), `${step} ${width}`).toBeLessThanOrEqual(0);
        await picture(`${step}-${colorScheme}-${width}`);
      }
    }
  }

  async function picture(name: string): Promise<void> {
    const pictures = process.env['SOTTO_SCREENSHOTS'];
    if (pictures === undefined) return;
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`) });
  }
});
