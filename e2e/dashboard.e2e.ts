import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser } from '../dashboard/testing/browser.ts';
import { startMockCoordinator, viewToken } from '../dashboard/testing/mock-coordinator.ts';
import type { MockCoordinator } from '../dashboard/testing/mock-coordinator.ts';
import {
  advanced,
  digits,
  failed,
  finished,
  hospitals,
  nobody,
  unprotected,
} from '../dashboard/testing/run-fixtures.ts';

/**
 * The built page in a real browser, under its strict policy, against a server that speaks the live API. A failure is anything
 * that a reader would miss: a figure that does not follow, a silent loss of the line, a rule of WCAG 2.2 AA that is broken, a
 * refusal by the content security policy, a request to another host. Skipped without a Chromium; needs `npm run build -w @sotto/dashboard` and a Chromium
 * (`SOTTO_CHROMIUM`, else /usr/bin/chromium).
 */
const chromium = process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium';
const ready = existsSync(chromium);

describe.skipIf(!ready)('the dashboard', () => {
  let browser: Browser;
  let mock: MockCoordinator;
  let context: BrowserContext;
  let complaints: string[];

  beforeAll(async () => {
    [browser, mock] = await Promise.all([launchBrowser(), startMockCoordinator()]);
  });
  afterAll(async () => {
    await browser.close();
    await mock.close();
  });
  beforeEach(() => {
    complaints = [];
    mock.setDown(false);
  });
  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  async function open(
    fragment = `#token=${viewToken}`,
    width = 1440,
    colorScheme: 'light' | 'dark' = 'light',
  ): Promise<Page> {
    context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (/content security policy|hydrat/i.test(message.text())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && url.host !== new URL(mock.url).host) complaints.push(`another host: ${url.href}`);
    });
    await page.goto(`${mock.url}/${fragment}`);
    return page;
  }

  test('opens with the token of its address, which then leaves the address bar', async () => {
    mock.setRuns([hospitals()]);
    const page = await open();
    await page.getByRole('heading', { level: 1, name: 'Round 62 of 100: waiting for one upload of 4.' }).waitFor();
    expect(page.url()).not.toContain(viewToken);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: /Round 62/ }).waitFor();
    // The panels may come a moment after the heading.
    const guarantee = page.getByText('guarantee 1.00');
    const chart = page.getByRole('img', { name: /Accuracy on validation rows by round: .* at round 61/ });
    for (const shown of [guarantee, chart]) {
      await shown.first().waitFor();
      expect(await shown.count()).toBe(1);
    }
  });

  test('follows the run without a reload, at most four times a second', async () => {
    let status = hospitals();
    mock.setRuns([status]);
    const page = await open();
    await page.getByRole('heading', { level: 1, name: /Round 62/ }).waitFor();
    await page.getByText('live, just now').waitFor();
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(window, { seen });
      const heading = document.querySelector('h1');
      if (heading) {
        new MutationObserver(() => seen.push(heading.textContent)).observe(heading, {
          characterData: true,
          childList: true,
          subtree: true,
        });
      }
    });
    const began = Date.now();
    while (status.round < 64) {
      status = advanced(status);
      mock.send(status);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await page.getByRole('heading', { level: 1, name: /Round 64 of 100/ }).waitFor();
    const seconds = (Date.now() - began) / 1000;
    const drawn = await page.evaluate(() => (window as unknown as { seen: string[] }).seen.length);
    expect(drawn).toBeLessThanOrEqual(Math.ceil(seconds * 4) + 1);
    expect(
      await page.getByRole('region', { name: 'Recent rounds, table' }).getByRole('rowheader', { name: '63' }).count(),
    ).toBe(1);
  });

  test('says when the line is down, of when its figures are, and catches up when it is back', async () => {
    mock.setRuns([hospitals()]);
    const page = await open();
    await page.getByText('live, just now').waitFor();
    mock.setDown(true);
    await page.getByText('The line to the coordinator is down.').first().waitFor();
    expect(await page.locator('.banner').textContent()).toMatch(/Figures are of \d\d:\d\d:\d\d/);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('Round 62');
    await expect
      .poll(() => page.locator('[role=status]').textContent())
      .toContain('The line to the coordinator is down.');
    mock.setRuns([{ ...hospitals(), round: 70 }]);
    mock.setDown(false);
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByRole('heading', { level: 1, name: /Round 70 of 100/ }).waitFor();
    expect(await page.locator('.banner').count()).toBe(0);
  });

  test('asks for a token, refuses a wrong one in words, takes a pasted address', async () => {
    mock.setRuns([hospitals()]);
    const page = await open('');
    await page.getByRole('heading', { name: 'This page needs the coordinator’s view token.' }).waitFor();
    await page.getByLabel('View token').fill('wrong');
    await page.getByRole('button', { name: 'Open the runs' }).click();
    await page.getByRole('heading', { name: 'The coordinator does not know this token.' }).waitFor();
    await page.getByLabel('View token').fill(`${mock.url}/#token=${viewToken}`);
    await page.getByRole('button', { name: 'Open the runs' }).click();
    await page.getByRole('heading', { name: /Round 62/ }).waitFor();
  });

  test('the keyboard reaches the chart, whose values are text, and Escape leaves it', async () => {
    mock.setRuns([hospitals()]);
    const page = await open();
    const chart = page.getByRole('slider', { name: 'Accuracy on validation rows by round' });
    await chart.waitFor();
    for (
      let presses = 0;
      presses < 30 && !(await chart.evaluate((node) => node === document.activeElement));
      presses += 1
    ) {
      await page.keyboard.press('Tab');
    }
    expect(await chart.getAttribute('aria-valuetext')).toContain('Round 61');
    await page.keyboard.press('ArrowLeft');
    expect(await chart.getAttribute('aria-valuetext')).toContain('Round 51');
    expect(await page.locator('.readout').first().textContent()).toContain('Round 51');
    await page.keyboard.press('Escape');
    expect(await page.locator('.readout').first().textContent()).toContain('Both 95 %');
  });

  test('a run without privacy never shows a bare ∞ or a guarantee', async () => {
    mock.setRuns([unprotected()]);
    const page = await open();
    await page.getByText('No privacy: ε = ∞. Anyone who sees the releases may learn records.').waitFor();
    expect(await page.getByText('guarantee').count()).toBe(0);
  });

  const scenes = {
    hospitals: [hospitals()],
    digits: [digits(), hospitals()],
    finished: [finished()],
    failed: [failed()],
    nobody: [nobody()],
    none: [],
  };
  for (const [name, runs] of Object.entries(scenes)) {
    test(`no accessibility rule is broken: ${name}, both themes, wide and narrow`, async () => {
      const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
      mock.setRuns(runs);
      for (const width of [1440, 390]) {
        for (const theme of ['light', 'dark'] as const) {
          const page = await open(undefined, width, theme);
          await page.locator('.panel').first().waitFor();
          await page.evaluate(axe);
          const found = await page.evaluate(async () => {
            type Axe = { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
            const result = await (window as unknown as { axe: Axe }).axe.run({
              runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
            });
            return result.violations.map((violation) => `${violation.id}: ${violation.nodes[0]?.html.slice(0, 160)}`);
          });
          expect(found, `${name} ${theme} ${width}`).toEqual([]);
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect(overflow, `${name} ${theme} ${width} scrolls sideways`).toBeLessThanOrEqual(0);
          await context.close();
        }
      }
    });
  }

  test('the policy allows no inline script that the build did not write', async () => {
    mock.setRuns([hospitals()]);
    const page = await open();
    await page.locator('.panel').first().waitFor();
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      return 'injected' in window;
    });
    expect(ran).toBe(false);
    // The refusal is what this test provokes.
    complaints = complaints.filter((text) => !/content security policy/i.test(text));
  });
});
