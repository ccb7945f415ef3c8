import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { wasmFiles } from '../../client-sdk/src/testing/wasm-files.ts';
import type { BackendAnswer, BackendRequest } from './backends-worker.ts';

/** What a page's headers allow. */
export type PageKind = 'plain' | 'strict' | 'isolated';

/** Nothing from elsewhere, no `blob:`, no `eval`; wasm may be compiled. */
const strict = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
].join('; ');
const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
const headersOf: Readonly<Record<PageKind, Readonly<Record<string, string>>>> = {
  plain: {},
  strict: { 'content-security-policy': strict },
  isolated: { 'content-security-policy': strict, ...isolation },
};

const script = `
  const worker = new Worker('/worker.js', { type: 'module' });
  globalThis.ask = (request) => new Promise((resolve) => {
    worker.onerror = (event) => resolve({ type: 'refused', reason: 'the worker: ' + event.message });
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(request);
  });
`;

/**
 * One browser with software adapters for WebGL and WebGPU; each request is answered in a worker of a page of its own.
 * `chunks` are the names and sizes of the worker's files, the entry first.
 */
export async function openBrowserBackends(): Promise<{
  readonly chunks: readonly { readonly name: string; readonly bytes: number; readonly inputs: readonly string[] }[];
  ask(kind: PageKind, request: BackendRequest): Promise<BackendAnswer>;
  close(): Promise<void>;
}> {
  const files = new Map<string, Uint8Array | string>([['/page.js', script]]);
  const { outputFiles, metafile } = await build({
    entryPoints: { worker: fileURLToPath(new URL('./backends-worker.ts', import.meta.url)) },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['source'],
    outdir: '/',
    write: false,
    metafile: true,
    logLevel: 'error',
  });
  for (const { path, contents } of outputFiles) files.set(path, contents);
  const chunks = Object.entries(metafile.outputs).map(([name, { bytes, inputs }]) => {
    return { name: name.split('/').at(-1)!, bytes, inputs: Object.keys(inputs) };
  });
  const server = createServer(({ url = '/' }, response) => {
    const kind = (['plain', 'strict', 'isolated'] as const).find((one) => url === `/${one}`);
    const file = url.startsWith('/wasm/') ? readFileSync(join(wasmFiles, url.slice(6))) : files.get(url);
    // A worker's policy is its own script's.
    const cookie = /(?:^|; )kind=(\w+)/.exec(response.req.headers.cookie ?? '')?.[1] as PageKind | undefined;
    const headers = headersOf[kind ?? cookie ?? 'plain'];
    const type = url.endsWith('.js') ? 'text/javascript' : url.endsWith('.wasm') ? 'application/wasm' : 'text/html';
    response.writeHead(kind !== undefined || file !== undefined ? 200 : 404, {
      'content-type': type,
      ...headers,
      ...(kind === undefined ? {} : { 'set-cookie': `kind=${kind}` }),
    });
    response.end(kind === undefined ? file : '<!doctype html><script src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
    ],
  });
  const { port } = server.address() as AddressInfo;
  return {
    chunks,
    async ask(kind, request) {
      const context = await browser.newContext();
      try {
        const tab = await context.newPage();
        await tab.goto(`http://127.0.0.1:${port}/${kind}`);
        return await tab.evaluate<BackendAnswer>(`ask(${JSON.stringify(request)})`);
      } finally {
        await context.close();
      }
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
