import { SottoError } from '@sotto/shared/errors';
import type { PageCallName, PageCalls, PageRequest, WorkerMessage } from './page-protocol.ts';
import { receivedError } from '../client/sent-error.ts';

/** A page's side of its worker. */
export type WorkerLine = {
  call<Name extends PageCallName>(name: Name, ask: PageCalls[Name]['ask']): Promise<PageCalls[Name]['answer']>;
  consented(id: number, agreed: boolean | null): void;
  /** Ends the worker; what is under way fails as stopped. */
  terminate(): void;
};

/**
 * Calls to a worker, answered by number.
 * @param told - every message that is no answer.
 * @param died - called once, when the worker does not load or breaks.
 */
export function openWorkerLine(
  worker: Worker,
  told: (message: Exclude<WorkerMessage, { type: 'answer' | 'failed' }>) => void,
  died: (error: SottoError) => void,
): WorkerLine {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: SottoError) => void }>();
  let calls = 0;
  let over: SottoError | null = null;

  function end(error: SottoError): void {
    if (over !== null) return;
    over = error;
    worker.terminate();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function post(message: PageRequest): void {
    worker.postMessage(message);
  }

  worker.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
    if (data.type !== 'answer' && data.type !== 'failed') {
      told(data);
      return;
    }
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.type === 'answer') asked?.resolve(data.value);
    else asked?.reject(receivedError(data.error));
  });
  worker.addEventListener('error', (event) => {
    // A page may forbid workers, or have this one elsewhere: browsers say nothing of it but that it failed.
    const reason = event.message || 'it could not be loaded; a page whose bundler moves it names it by `workerUrl`';
    const error = new SottoError('UNSUPPORTED', `the client's worker: ${reason}`);
    end(error);
    died(error);
  });

  return {
    call: (name, ask) =>
      new Promise((resolve, reject) => {
        if (over !== null) {
          reject(over);
          return;
        }
        const id = ++calls;
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        post({ type: 'call', id, name, ask } as PageRequest);
      }),
    consented: (id, agreed) => post({ type: 'consented', id, agreed }),
    terminate: () => end(new SottoError('CANCELLED', 'the client was closed')),
  };
}
