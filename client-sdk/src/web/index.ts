import { SottoError } from '@sotto/shared/errors';
import type { Client, OpenOptions, RunningClient, StartOptions } from '../client/client.ts';
import type { Notice } from '../client/notices.ts';
import type { NodeResult } from '../node-config.ts';
import { watchConditions } from './conditions.ts';
import { openWorkerLine, type WorkerLine } from './page-calls.ts';
import type { WorkerMessage } from './page-protocol.ts';
import { receivedError } from './sent-error.ts';

export { isSottoError, SottoError } from '@sotto/shared/errors';
export type * from '../client/exports.ts';

/**
 * Opens a client in this browser. All its work is done in a worker, so that the page never waits for it.
 *
 * @example
 * const client = await openClient({ store: 'my data' });
 * await client.join(invitation, { name: 'Ada' });
 * const running = await client.start({ data: file, schema, policy: { version: 1 }, onNotice: console.log });
 *
 * @throws {UNSUPPORTED} outside a secure context, or where the page forbids its worker.
 * @throws {STORE_FAILED} when the browser keeps no database, as in some private windows; {STORE_TOO_NEW}.
 */
export async function openClient(options: OpenOptions): Promise<Client> {
  const worker =
    options.workerUrl === undefined
      ? new Worker(new URL('./client-worker.js', import.meta.url), { type: 'module', name: 'sotto client' })
      : new Worker(options.workerUrl, { type: 'module', name: 'sotto client' });
  const client = new PageClient(worker, options);
  await client.open();
  return client;
}

type Started = {
  readonly options: StartOptions;
  resolve(result: NodeResult): void;
  reject(error: SottoError): void;
};

class PageClient implements Client {
  readonly #line: WorkerLine;
  readonly #options: OpenOptions;
  #started: Started | null = null;

  constructor(worker: Worker, options: OpenOptions) {
    this.#options = options;
    this.#line = openWorkerLine(
      worker,
      (message) => this.#told(message),
      (error) => this.#ended(null, error),
    );
  }

  async open(): Promise<void> {
    await this.#line.call('open', { store: this.#options.store });
  }

  join: Client['join'] = (invitation, { name }) => this.#line.call('join', { invitation, name });

  member: Client['member'] = () => this.#line.call('member', null);

  model: Client['model'] = () => this.#line.call('model', null);

  async start(options: StartOptions): Promise<RunningClient> {
    if (this.#started !== null) throw new SottoError('CONFLICT', 'this client runs already: close it first');
    const { data, schema, policy, once = false, consent } = options;
    if (typeof data === 'string') {
      throw new SottoError('INVALID_INPUT', 'data: a page reads no path; hand over a File or a Blob');
    }
    const { contributionWorkerUrl } = this.#options;
    const done = new Promise<NodeResult>((resolve, reject) => {
      this.#started = { options, resolve, reject };
    });
    // Whoever waits for `done` meets the failure.
    done.catch(() => undefined);
    try {
      this.#notify({ type: 'storage', persistent: await askToPersist() });
      await this.#line.call('start', {
        data,
        schema,
        policy,
        once,
        asksConsent: consent !== undefined,
        contributionWorkerUrl:
          contributionWorkerUrl === undefined ? null : new URL(contributionWorkerUrl, location.href).href,
      });
    } catch (error) {
      this.#started = null;
      throw error;
    }
    const conditions = watchConditions(options, {
      changed: (reason) => void this.#obey(reason).catch(() => undefined),
      unknown: (condition, reason) => this.#notify({ type: 'conditionUnknown', condition, reason }),
    });
    void done.then(conditions.stop, conditions.stop);
    return {
      pause: () => conditions.ask('paused by its owner'),
      resume: () => conditions.ask(null),
      close: async () => {
        await this.#line.call('stop', null);
        await done.catch(() => undefined);
      },
      done,
    };
  }

  async close(): Promise<void> {
    await this.#line.call('stop', null).catch(() => undefined);
    this.#line.terminate();
    this.#ended({ runs: [] }, null);
  }

  /** @param reason - why it pauses; null: it takes part. */
  async #obey(reason: string | null): Promise<void> {
    if (this.#started === null) return;
    if (reason === null) await this.#line.call('resume', null);
    else await this.#line.call('pause', { reason });
  }

  #told(message: Exclude<WorkerMessage, { type: 'answer' | 'failed' }>): void {
    switch (message.type) {
      case 'notice':
        this.#notify(message.notice);
        return;
      case 'consent':
        void this.#ask(message.id, message.request);
        return;
      case 'ended':
        this.#ended(message.result, message.error === null ? null : receivedError(message.error));
        return;
    }
  }

  async #ask(id: number, request: Extract<WorkerMessage, { type: 'consent' }>['request']): Promise<void> {
    let agreed = false;
    try {
      agreed = (await this.#started?.options.consent?.(request)) === true;
    } finally {
      this.#line.consented(id, agreed);
    }
  }

  #notify(notice: Notice): void {
    this.#started?.options.onNotice?.(notice);
  }

  #ended(result: NodeResult | null, error: SottoError | null): void {
    const started = this.#started;
    this.#started = null;
    if (error !== null) started?.reject(error);
    else started?.resolve(result ?? { runs: [] });
  }
}

/** Asks the browser not to clear the store by itself; it may ask the person, or decide by how the page is used. */
async function askToPersist(): Promise<boolean> {
  try {
    return (await navigator.storage.persisted()) || (await navigator.storage.persist());
  } catch {
    return false;
  }
}
