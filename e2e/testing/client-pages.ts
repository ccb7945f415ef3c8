import { createReadStream, existsSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DataSchema, PolicyInput } from '@sotto/shared/plan';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../../dashboard/testing/browser.ts';

/** The files of `@sotto/client` for browsers, as `npm run build` makes them. */
const built = fileURLToPath(new URL('../../client-sdk/dist/browser/', import.meta.url));

/** Whether they are there. */
export const isBuilt = existsSync(join(built, 'index.js'));

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
  '.html': 'text/html',
  '.css': 'text/css',
};

/** What a page of a careful site sends; the coordinator is named by the test. */
export const strictPolicy = (coordinator: string): string =>
  `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; ` +
  `connect-src 'self' ${coordinator} ${coordinator.replace(/^http/, 'ws')}`;

/** Headers by which a page is cross-origin isolated. */
export const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
} as const;

const page = '<!doctype html><title>client</title><script type="module" src="/page.js"></script>';

/** The page's script: the package as it is, and what the tests ask of the page. */
const script = `
import { openClient } from '/sotto/index.js';
const began = performance.now();
const state = { notices: [], ended: null, longestGapMs: 0, client: null, running: null, asked: [] };
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  state.longestGapMs = Math.max(state.longestGapMs, now - last);
  last = now;
}, 5);
globalThis.state = state;
globalThis.begin = async ({ store, invitation, name, csv, schema, policy, consent, once }) => {
  state.client = await openClient({ store });
  if (invitation !== null) await state.client.join(invitation, { name });
  state.running = await state.client.start({
    data: new File([csv], 'rows.csv'), schema, policy, once,
    ...(consent === null ? {} : { consent: async (request) => { state.asked.push(request); return consent; } }),
    onNotice: (notice) => state.notices.push({ atMs: performance.now() - began, ...notice }),
  });
  state.running.done.then((result) => { state.ended = { result }; }, (error) => { state.ended = { code: error.code, message: error.message }; });
};
globalThis.ready = true;
`;

export type PageNotice = Readonly<Record<string, unknown>> & { readonly type: string; readonly atMs: number };

export type BeginOptions = {
  readonly store: string;
  /** Null: it has joined before. */
  readonly invitation: string | null;
  readonly name: string;
  readonly csv: string;
  readonly schema: DataSchema;
  readonly policy: PolicyInput;
  /** What the person answers; null: nobody is asked. */
  readonly consent?: boolean | null;
  readonly once?: boolean;
};

/** A tab with a client. */
export type Tab = {
  readonly page: Page;
  /** Everything that the page complained about: errors, and what its security policy forbade. */
  readonly complaints: readonly string[];
  /** Opens the store, joins and starts. */
  begin(options: BeginOptions): Promise<void>;
  /** What the client has told since the page was loaded. */
  notices(): Promise<readonly PageNotice[]>;
  /** Waits for a notice that fits `test`, an expression on \`notice\`. */
  until(test: string, timeoutMs?: number): Promise<PageNotice>;
  evaluate<T>(expression: string): Promise<T>;
};

/** A browser, and a server of pages that use the package. */
export class ClientPages {
  readonly #server: Server;
  readonly browser: Browser;
  readonly #context: BrowserContext;
  readonly origin: string;
  /** Sent with scripts: a worker lives under the policy that comes with its own. */
  fileHeaders: Readonly<Record<string, string>> = {};
  /** Sent with each page, by its number. */
  readonly #pageHeaders: Readonly<Record<string, string>>[] = [];

  private constructor(server: Server, browser: Browser, context: BrowserContext) {
    this.#server = server;
    this.browser = browser;
    this.#context = context;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request: { url?: string }, response: ServerResponse) => {
      const path = new URL(request.url ?? '/', 'http://page').pathname;
      const send = (type: string, headers = this.fileHeaders): void =>
        void response.writeHead(200, { 'content-type': type, ...headers });
      const number = /^\/pages\/(\d+)$/.exec(path)?.[1];
      if (number !== undefined) {
        send('text/html', this.#pageHeaders[Number(number)]);
        response.end(page);
      } else if (path === '/page.js') {
        send('text/javascript');
        response.end(script);
      } else if (path === '/favicon.ico') {
        response.writeHead(204).end();
      } else {
        const file = join(built, normalize(path.replace(/^\/sotto\//, '')));
        if (!file.startsWith(built) || !existsSync(file)) {
          response.writeHead(404).end();
          return;
        }
        send(types[extname(file)] ?? 'application/octet-stream');
        createReadStream(file).pipe(response);
      }
    });
  }

  static async open(): Promise<ClientPages> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launchBrowser();
    return new ClientPages(server, browser, await browser.newContext());
  }

  /** A new tab on the page, which is sent with these headers. */
  async tab(headers: Readonly<Record<string, string>> = {}): Promise<Tab> {
    const number = this.#pageHeaders.push(headers) - 1;
    const opened = await this.#context.newPage();
    const complaints: string[] = [];
    opened.on('pageerror', (error) => complaints.push(error.message));
    opened.on('console', (message) => {
      if (message.type() === 'error' || /content security policy/i.test(message.text()))
        complaints.push(message.text());
    });
    await opened.goto(`${this.origin}/pages/${number}`);
    await isReady(opened);
    return tabOf(opened, complaints);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function isReady(opened: Page): Promise<void> {
  await poll('the page', 20_000, () => opened.evaluate<true | null>('globalThis.ready ?? null'));
}

/** Asks until there is an answer: the browser's own waiting evaluates texts in the page, which a strict policy forbids. */
async function poll<T>(what: string, timeoutMs: number, ask: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > end) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(20);
  }
}

function tabOf(opened: Page, complaints: readonly string[]): Tab {
  return {
    page: opened,
    complaints,
    begin: async (options) => {
      await isReady(opened);
      await opened.evaluate(`begin(${JSON.stringify({ consent: null, once: false, ...options })})`);
    },
    notices: () => opened.evaluate<readonly PageNotice[]>('state.notices'),
    async until(test, timeoutMs = 60_000) {
      const expression = `state.notices.find((notice) => ${test}) ?? null`;
      return poll(`a notice with ${test}`, timeoutMs, () => opened.evaluate<PageNotice | null>(expression));
    },
    evaluate: (expression) => opened.evaluate(expression),
  };
}
