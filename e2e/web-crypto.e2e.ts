import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, openBrowserCrypto, type CryptoRequest } from './testing/browser-crypto.ts';

/**
 * The WebCrypto port in a worker of a real browser, against the vectors of the standards, the edge cases that the ports of
 * Node are held to, and noble. Skipped without a Chromium.
 */
describe.skipIf(!hasChromium)('the web port in Chromium', () => {
  type Vectors = Extract<CryptoRequest, { type: 'vectors' }>;
  type Signed = Omit<Vectors['signatures'][number], 'valid'>;
  const read = <T>(name: string) =>
    JSON.parse(readFileSync(new URL(`../shared/src/crypto/vectors/${name}.json`, import.meta.url), 'utf8')) as T;
  let browser: Awaited<ReturnType<typeof openBrowserCrypto>>;
  beforeAll(async () => {
    browser = await openBrowserCrypto();
  });
  afterAll(() => browser.close());

  it('agrees with RFC 7748 and 8032, on every edge case, and with noble', async () => {
    const standards = read<{ x25519: { cases: Vectors['agreements'] }; ed25519: { cases: readonly Signed[] } }>(
      'standards',
    );
    const edges = read<readonly (Signed & { valid: boolean })[]>('ed25519-edges');
    const signatures = [...standards.ed25519.cases.map((signed) => ({ ...signed, valid: true })), ...edges];
    const agreements = [...standards.x25519.cases, ...read<Vectors['agreements']>('x25519-edges')];
    const key = '5a'.repeat(32).replace('5a', '01');
    const streams = [0, 1, 15, 32_769, 70_001].map((words, i) => ({ key, words, firstWord: 4 * i * 1_000_003 }));
    const { checked, faults } = await browser.ask({ type: 'vectors', agreements, signatures, streams });
    expect(faults).toEqual([]);
    expect(checked).toBe(agreements.length + signatures.length + streams.length + 5 * 9);
    expect(edges.filter(({ valid }) => !valid).length).toBeGreaterThan(5);
  });
});
