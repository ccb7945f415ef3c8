import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reportDocument, reportPage } from '@sotto/shared/report';
import { exampleReportInput } from '@sotto/shared/report/testing';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../dashboard/testing/browser.ts';

/** A report's page as its reader has it: a file in a real browser. Skipped without a Chromium (`SOTTO_CHROMIUM`, else /usr/bin/chromium). */
const ready = existsSync(process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium');

describe.skipIf(!ready)('the page of a report', () => {
  let browser: Browser;
  let folder: string;
  let address: string;
  let axe: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sotto-report-'));
    const page = reportPage(
      reportDocument({ ...exampleReportInput(), earlier: reportDocument(exampleReportInput({ right: 280 })) }),
    );
    await writeFile(join(folder, 'report.html'), page);
    address = pathToFileURL(join(folder, 'report.html')).href;
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  test('breaks no accessibility rule, scrolls nowhere sideways and asks nobody for anything, in both themes, wide and narrow', async () => {
    for (const width of [1440, 390]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on('console', (message) => complaints.push(message.text()));
        page.on('pageerror', (error) => complaints.push(error.message));
        page.on('request', (request) => {
          if (request.url() !== address && !request.url().startsWith('data:')) complaints.push(request.url());
        });
        await page.goto(address);
        await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true; })`);
        await page.evaluate(axe);
        const found = await page.evaluate(
          `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
            violations.map(({ id, nodes }) => id + ': ' + nodes[0].html.slice(0, 160)))`,
        );
        expect(found, `${colorScheme} ${width}`).toEqual([]);
        const root = 'document.documentElement';
        const overflow = await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`);
        expect(overflow, `${colorScheme} ${width}`).toBeLessThanOrEqual(0);
        expect(complaints).toEqual([]);
        await context.close();
      }
    }
  });

  test('prints in light colours whatever the reader’s theme, with what is folded away on the screen', async () => {
    const context = await browser.newContext({ colorScheme: 'dark' });
    const page = await context.newPage();
    await page.goto(address);
    await page.emulateMedia({ media: 'print' });
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(255, 255, 255)',
    );
    const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    expect(pdf.length).toBeGreaterThan(20_000);
    await context.close();
  });
});
