// A browser's worker that is the client: session, transport, keys, masks and books. It speaks with its page and the coordinator.
import { createWebCrypto, createWebRandom } from '@sotto/shared/crypto/web';
import { SottoError } from '@sotto/shared/errors';
import { dataSchemaSchema, parsePolicy } from '@sotto/shared/plan';
import * as z from 'zod';
import type { NodeResult } from '../node-config.ts';
import type { PageCallName, PageCalls, PageRequest, WorkerMessage } from './page-protocol.ts';
import { runWebClient, type RunningWebClient, type WebPlatform } from './run-client.ts';
import { sentError } from '../client/sent-error.ts';
import { lockStore } from './store-lock.ts';
import { joinWithStore, memberOf } from './web-join.ts';
import { openWebStore, type WebStore } from './web-store.ts';
import { workerScope } from './worker-scope.ts';

// Its quicker way compiles code from text, which a strict page forbids and reports.
z.config({ jitless: true });

const scope = workerScope<PageRequest, WorkerMessage>();
let opened: { readonly name: string; readonly store: WebStore; readonly platform: WebPlatform } | null = null;
/** What was started: it waits for the store, or runs. */
let started: { readonly stop: AbortController; running: RunningWebClient | null; paused: string | null } | null = null;
let sentRows: unknown[] = [];
const asked = new Map<number, (agreed: boolean | null) => void>();

type Calls = { readonly [Name in PageCallName]: (ask: PageCalls[Name]['ask']) => Promise<PageCalls[Name]['answer']> };

const calls: Calls = {
  async open({ store }) {
    const { subtle } = globalThis.crypto;
    if (subtle === undefined) {
      throw new SottoError('UNSUPPORTED', 'this page is no secure context: open it by https, or on localhost');
    }
    const random = createWebRandom(globalThis.crypto);
    const platform = { subtle, random, crypto: await createWebCrypto(subtle) };
    opened = { name: store, store: await openWebStore(indexedDB, store, random), platform };
    return null;
  },
  async member() {
    const identity = await isOpen().store.identity();
    return identity === null ? null : memberOf(identity.certificate);
  },
  async join({ invitation, name }) {
    const { store, platform, name: storeName } = isOpen();
    // Two tabs that join at once would make two identities.
    return navigator.locks.request(`sotto join ${storeName}`, () => joinWithStore(store, invitation, name, platform));
  },
  async rows({ rows, first }) {
    if (first) sentRows = [];
    sentRows.push(...rows);
    return null;
  },
  start,
  async pause({ reason }) {
    if (started === null) throw nothingStarted();
    started.paused = reason;
    started.running?.driver.pause(reason);
    return null;
  },
  async resume() {
    if (started === null) throw nothingStarted();
    started.paused = null;
    started.running?.driver.resume();
    return null;
  },
  async stop() {
    started?.stop.abort();
    await started?.running?.close();
    return null;
  },
  model: () => isOpen().store.model(),
};

async function start(ask: PageCalls['start']['ask']): Promise<null> {
  const { name, store, platform } = isOpen();
  if (started !== null) throw new SottoError('CONFLICT', 'this client runs already: close what was started first');
  const policy = parsePolicy(ask.policy);
  const schema = dataSchemaSchema.parse(ask.schema);
  if ((await store.identity()) === null) {
    throw new SottoError('NOT_FOUND', 'this client has not joined a federation: call join first');
  }
  const own = { stop: new AbortController(), running: null as RunningWebClient | null, paused: null as string | null };
  started = own;
  const data = ask.data ?? { rows: sentRows };
  sentRows = [];
  const run = { ...ask, data, policy, schema, ask: ask.asksConsent ? askPage : null, notify, startRowWorker };
  function startRowWorker(): Worker {
    // Written out, because bundlers look for exactly this form.
    return ask.contributionWorkerUrl === null
      ? new Worker(new URL('./contribution-worker.js', import.meta.url), { type: 'module', name: 'sotto rows' })
      : new Worker(ask.contributionWorkerUrl, { type: 'module', name: 'sotto rows' });
  }
  const ended = (result: Extract<WorkerMessage, { type: 'ended' }>): void => {
    if (started === own) started = null;
    scope.postMessage(result);
  };
  return new Promise<null>((resolve, reject) => {
    let answered = false;
    const elsewhere = (): void => {
      notify({ type: 'elsewhere' });
      answered = true;
      resolve(null);
    };
    const take = async (): Promise<void> => {
      const release = await lockStore(navigator.locks, name, elsewhere, own.stop.signal);
      if (release === null) {
        ended({ type: 'ended', result: { runs: [] }, error: null });
        return;
      }
      let result: NodeResult;
      try {
        own.running = await runWebClient(store, run, platform);
        if (own.paused !== null) own.running.driver.pause(own.paused);
        if (own.stop.signal.aborted) await own.running.close();
        answered = true;
        resolve(null);
        result = await own.running.done;
      } finally {
        release();
      }
      ended({ type: 'ended', result, error: null });
    };
    take().catch((error: unknown) => {
      if (started === own) started = null;
      if (answered) ended({ type: 'ended', result: null, error: sentError(error) });
      else reject(error as Error);
    });
  });
}

function isOpen(): NonNullable<typeof opened> {
  if (opened === null) throw new SottoError('INTERNAL', 'client worker: no store was opened');
  return opened;
}

function nothingStarted(): SottoError {
  return new SottoError('CONFLICT', 'this client does not run: start it first');
}

function notify(notice: Extract<WorkerMessage, { type: 'notice' }>['notice']): void {
  scope.postMessage({ type: 'notice', notice });
}

let questions = 0;
function askPage(request: Extract<WorkerMessage, { type: 'consent' }>['request']): Promise<boolean> {
  const id = ++questions;
  return new Promise((resolve, reject) => {
    asked.set(id, (agreed) => {
      if (agreed === null) reject(new SottoError('CANCELLED', 'the page gave no answer to the plan'));
      else resolve(agreed);
    });
    scope.postMessage({ type: 'consent', id, request });
  });
}

scope.addEventListener('message', ({ data }) => {
  if (data.type === 'consented') {
    asked.get(data.id)?.(data.agreed);
    asked.delete(data.id);
    return;
  }
  const { id, name, ask } = data;
  const call = calls[name] as (given: typeof ask) => Promise<unknown>;
  call(ask).then(
    (value) => scope.postMessage({ type: 'answer', id, value }),
    (error: unknown) => scope.postMessage({ type: 'failed', id, error: sentError(error) }),
  );
});
