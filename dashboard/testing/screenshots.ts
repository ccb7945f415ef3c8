/**
 * Pictures of every state of the page, both themes, 1440 and 390 px: `npm run screenshots -w @sotto/dashboard -- [FOLDER]`.
 * Needs a built page (`npm run build -w @sotto/dashboard`) and a Chromium.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { RunStatus } from '../lib/run-types.ts';
import { launchBrowser } from './browser.ts';
import { startMockCoordinator, viewToken } from './mock-coordinator.ts';
import type { MockCoordinator } from './mock-coordinator.ts';
import { digits, failed, finished, hospitals, nobody, unprotected } from './run-fixtures.ts';

type Scene = {
  name: string;
  runs: RunStatus[];
  token?: string | null;
  prepare?: (page: Page, mock: MockCoordinator) => Promise<void>;
};

const scenes: Scene[] = [
  { name: 'run', runs: [hospitals()] },
  { name: 'digits', runs: [digits(), hospitals()] },
  { name: 'finished', runs: [finished()] },
  { name: 'failed', runs: [failed()] },
  { name: 'unprotected', runs: [unprotected()] },
  { name: 'nobody', runs: [nobody()] },
  { name: 'first-run', runs: [] },
  { name: 'sign-in', runs: [], token: null },
  {
    name: 'line-down',
    runs: [hospitals()],
    prepare: async (page, mock) => {
      mock.setDown(true);
      await page.waitForSelector('.banner');
    },
  },
  {
    name: 'table',
    runs: [digits()],
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Accuracy by round as a table' }).click();
    },
  },
];

const folder = process.argv[2] ?? 'screenshots';
await mkdir(folder, { recursive: true });
const mock = await startMockCoordinator();
const browser = await launchBrowser();
for (const scene of scenes) {
  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1440, 390]) await picture(browser, scene, theme, width);
  }
}
await browser.close();
await mock.close();

async function picture(from: Browser, scene: Scene, theme: 'light' | 'dark', width: number): Promise<void> {
  mock.setRuns(scene.runs);
  mock.setDown(false);
  const context = await from.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    timezoneId: 'UTC',
    locale: 'en-GB',
  });
  const page = await context.newPage();
  const token = scene.token === undefined ? viewToken : scene.token;
  await page.goto(`${mock.url}/${token === null ? '' : `#token=${token}`}`);
  await page.waitForSelector(token === null ? '#token' : '.panel');
  await page.evaluate(() => document.fonts.ready);
  await scene.prepare?.(page, mock);
  await page.waitForTimeout(150);
  await page.screenshot({ path: join(folder, `${scene.name}-${theme}-${width}.png`), fullPage: true });
  await context.close();
}
