import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { launchBrowser } from '../../dashboard/testing/browser.ts';

type Agreement = { readonly secret: string; readonly publicKey: string; readonly shared: string | null };
type Signature = {
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
  readonly valid: boolean;
};

/** What a browser's worker is asked. */
export type CryptoRequest =
  | {
      readonly type: 'vectors';
      readonly agreements: readonly Agreement[];
      readonly signatures: readonly Signature[];
      readonly streams: readonly { readonly key: string; readonly words: number; readonly firstWord: number }[];
    }
  | { readonly type: 'masks'; readonly words: number; readonly count: number; readonly passes: number }
  | { readonly type: 'kem'; readonly rounds: number };

export type CryptoAnswer = {
  readonly checked?: number;
  readonly faults?: readonly string[];
  readonly bytesPerSecond?: number;
  readonly milliseconds?: number;
};

/** Whether there is a Chromium: `SOTTO_CHROMIUM`, else the system's. */
export const hasChromium = existsSync(process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium');

const page = `<!doctype html><script>
  const worker = new Worker('/worker.js', { type: 'module' });
  globalThis.ask = (request) => new Promise((resolve) => {
    worker.onerror = (event) => resolve({ error: event.message });
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(request);
  });
</script>`;

/** A worker in a page of a real browser, in which the WebCrypto port runs as it does for a client. */
export async function openBrowserCrypto(): Promise<{
  ask(request: CryptoRequest): Promise<CryptoAnswer>;
  close(): Promise<void>;
}> {
  const entry = fileURLToPath(new URL('./crypto-worker.ts', import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['source'],
    write: false,
    logLevel: 'warning',
  });
  const script = outputFiles[0]?.text ?? '';
  const server = createServer(({ url }, response) => {
    const isScript = url === '/worker.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
    response.end(isScript ? script : page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launchBrowser();
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return {
    async ask(request) {
      const answer = await tab.evaluate<CryptoAnswer & { error?: string }>(`ask(${JSON.stringify(request)})`);
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
