import { SottoError } from '@sotto/shared/errors';
import type { Client, OpenOptions, RunningClient, StartOptions } from '../client/client.ts';
import type { ClientData, SentData } from '../client/data.ts';
import { createJudgingApart, type JudgingApart, type JudgingWorker } from '../client/judging-apart.ts';
import type { JudgingReply } from '../client/judging-protocol.ts';
import type { Notice } from '../client/notices.ts';
import type { NodeResult } from '../node-config.ts';
import { watchConditions } from './conditions.ts';
import { openWorkerLine, type WorkerLine } from './page-calls.ts';
import type { WorkerMessage } from './page-protocol.ts';
import { receivedError } from '../client/sent-error.ts';

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

/** Rows that are sent at once. */
const rowsAtOnce = 256;

type Started = {
  readonly options: StartOptions;
  resolve(result: NodeResult): void;
  reject(error: SottoError): void;
};

class PageClient implements Client {
  readonly #line: WorkerLine;
  readonly #options: OpenOptions;
  readonly #judging: JudgingApart;
  #started: Started | null = null;

  constructor(worker: Worker, options: OpenOptions) {
    this.#options = options;
    this.#judging = createJudgingApart((answered, died) => startJudgingWorker(options, answered, died));
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

  predict: Client['predict'] = (model, rows, options) => this.#judging.predict(model, rows, options);

  explain: Client['explain'] = (model, row, options) => this.#judging.explain(model, row, options);

  async start(options: StartOptions): Promise<RunningClient> {
    if (this.#started !== null) throw new SottoError('CONFLICT', 'this client runs already: close it first');
    const { schema, policy, once = false, consent } = options;
    const { contributionWorkerUrl } = this.#options;
    const done = new Promise<NodeResult>((resolve, reject) => {
      this.#started = { options, resolve, reject };
    });
    // Whoever waits for `done` meets the failure.
    done.catch(() => undefined);
    try {
      // Not waited for: the browser may ask the person, who may not answer.
      void askToPersist().then((persistent) => this.#notify({ type: 'storage', persistent }));
      const data = await this.#sendable(options.data);
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
    this.#judging.close();
    this.#ended({ runs: [] }, null);
  }

  /** Data as they are sent along; null: their rows were sent, some at a time, so that the page does not wait for all of them. */
  async #sendable(data: ClientData): Promise<SentData | null> {
    if (typeof data === 'string') {
      throw new SottoError('INVALID_INPUT', 'data: a page reads no path; hand over a File or a Blob');
    }
    if (!('rows' in data)) return data;
    let some: unknown[] = [];
    let first = true;
    const send = async (): Promise<void> => {
      await this.#line.call('rows', { rows: some, first });
      first = false;
      some = [];
    };
    for await (const row of typeof data.rows === 'function' ? data.rows() : data.rows) {
      some.push(row);
      if (some.length === rowsAtOnce) await send();
    }
    await send();
    return null;
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
    try {
      const answer = await this.#started?.options.consent?.(request);
      this.#line.consented(id, typeof answer === 'boolean' ? answer : null);
    } catch (error) {
      // A page whose dialog breaks has heard no answer.
      this.#line.consented(id, null);
      reportError(error);
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

function startJudgingWorker(
  { judgingWorkerUrl }: OpenOptions,
  answered: (reply: JudgingReply) => void,
  died: (reason: string) => void,
): JudgingWorker {
  const worker =
    judgingWorkerUrl === undefined
      ? new Worker(new URL('./judging-worker.js', import.meta.url), { type: 'module', name: 'sotto judging' })
      : new Worker(judgingWorkerUrl, { type: 'module', name: 'sotto judging' });
  worker.addEventListener('message', ({ data }: MessageEvent<JudgingReply>) => answered(data));
  worker.addEventListener('error', (event) => died(event.message || 'it could not be loaded (`judgingWorkerUrl`)'));
  return { post: (request) => worker.postMessage(request), terminate: () => worker.terminate() };
}

/** Asks the browser not to clear the store by itself; it may ask the person, or decide by how the page is used. */
async function askToPersist(): Promise<boolean> {
  try {
    return (await navigator.storage.persisted()) || (await navigator.storage.persist());
  } catch {
    return false;
  }
}
