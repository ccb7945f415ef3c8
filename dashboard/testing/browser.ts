import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

/** A headless Chromium that talks to nobody but the page's own server. `SOTTO_CHROMIUM` names another executable. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
