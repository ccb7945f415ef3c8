import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowserBackends, type PageKind } from './testing/browser-backends.ts';
import { hasChromium } from './testing/browser-crypto.ts';

/** Largest difference from the product's own loops, as a part of the largest value: both round in float32. */
const tolerance = 2e-5;

/** Every engine of a page in a real browser's worker. Its GPU is software, which only a test may take. Skipped without a Chromium. */
describe.skipIf(!hasChromium)('engines in Chromium', () => {
  let browser: Awaited<ReturnType<typeof openBrowserBackends>>;
  beforeAll(async () => {
    browser = await openBrowserBackends();
  });
  afterAll(() => browser?.close());

  const cases: readonly (readonly [string, PageKind])[] = [
    ['tfjs cpu', 'plain'],
    ['tfjs wasm', 'plain'],
    ['tfjs wasm', 'strict'],
    ['tfjs wasm', 'isolated'],
    ['tfjs webgl', 'strict'],
    ['tfjs webgpu', 'strict'],
  ];
  it.each(cases)('%s trains as plain typed arrays do, on a page that is %s', async (engine, kind) => {
    const answer = await browser.ask(kind, { type: 'train', engine, allowSoftware: true });
    expect(answer).toMatchObject({ type: 'trained', rowsApart: true });
    if (answer.type !== 'trained') return;
    expect(answer.largest).toBeGreaterThan(0.1);
    expect(answer.apart).toBeLessThan(tolerance * answer.largest);
  });

  it.each(['tfjs webgl', 'tfjs webgpu'])('%s without hardware is refused', async (engine) => {
    const answer = await browser.ask('strict', { type: 'train', engine, allowSoftware: false });
    expect(answer).toMatchObject({
      type: 'refused',
      reason: expect.stringMatching(/software.*SwiftShader/i) as string,
    });
  });

  // Failure: the page waits for ever, without an error, for threads that its policy forbids.
  it('what hangs under a policy is given up, and training goes on with another', async () => {
    const answer = await browser.ask('isolated', { type: 'choose', hang: true });
    expect(answer).toMatchObject({ type: 'chosen', isolated: true });
    if (answer.type !== 'chosen') return;
    const refused = new Map(answer.choice.trials.map((trial) => [trial.engine, trial.refused]));
    expect(refused.get('wasm with threads')).toBe('no answer within 1.5 s');
    expect(refused.get('tfjs webgl')).toMatch(/software/);
    expect(refused.get('tfjs webgpu')).toMatch(/software/);
    expect(['typed arrays', 'tfjs cpu']).toContain(answer.choice.engine);
    expect(answer.seconds).toBeLessThan(30);
  });

  it('a page takes wasm or plain arrays by its own measuring', async () => {
    const answer = await browser.ask('isolated', { type: 'choose', hang: false });
    expect(answer).toMatchObject({ type: 'chosen' });
    if (answer.type !== 'chosen') return;
    expect(['typed arrays', 'tfjs wasm']).toContain(answer.choice.engine);
    expect(answer.choice.trials.find(({ engine }) => engine === 'tfjs wasm')!.ms).not.toBeNull();
  });

  it('each backend is a chunk of its own, and the entry has none', () => {
    const holding = (part: string) => browser.chunks.filter(({ inputs }) => inputs.some((path) => path.includes(part)));
    for (const part of ['tfjs-backend-webgl/', 'tfjs-backend-webgpu/', 'tfjs-backend-wasm/', 'wasm-overlay/']) {
      expect(holding(part).length).toBeGreaterThan(0);
      expect(holding(part).map(({ name }) => name)).not.toContain('worker.js');
    }
    const heavy = holding('tfjs-backend-webgl/dist/backend_webgl').map(({ name }) => name);
    expect(holding('tfjs-backend-wasm/dist/backend_wasm').map(({ name }) => name)).not.toEqual(heavy);
  });
});
