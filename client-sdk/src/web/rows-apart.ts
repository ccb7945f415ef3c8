import { SottoError } from '@sotto/shared/errors';
import type { EngineChoice } from '../training/create-local-model.ts';
import { createContributionsApart, type ContributionThread } from '../training/contributions-apart.ts';
import type { ReadReply, ReadRequest, RowReply, RowRequest } from './row-protocol.ts';
import { receivedError } from '../client/sent-error.ts';

/** The worker with the rows, and what it read. */
export type RowsApart = {
  readonly thread: ContributionThread;
  readonly read: Extract<ReadReply, { type: 'read' }>;
};

/**
 * Starts the worker that reads the rows and works on them. One that dies is started again by the contribution after, and reads the
 * same data again; where row numbers are relied on, they must mean the same rows then.
 *
 * @param start - makes the worker.
 * @throws {DATA_INVALID} as `readData`; {UNSUPPORTED} when the worker does not start.
 */
export async function openRowsApart(
  start: () => Worker,
  request: ReadRequest,
  chosen: (choice: EngineChoice) => void,
): Promise<RowsApart> {
  let first: Worker | null = start();
  const read = await firstRead(first, request);
  const again: ReadRequest = { ...request, known: read.beginning ?? request.known };
  const thread = createContributionsApart((answered, died) => {
    const worker = first ?? start();
    if (first === null) post(worker, again);
    first = null;
    worker.addEventListener('message', ({ data }: MessageEvent<RowReply>) => {
      if (data.type === 'unreadable') {
        worker.terminate();
        died(data.error.message);
      } else if (data.type !== 'read') answered(data);
    });
    worker.addEventListener('error', (event) => {
      worker.terminate();
      died(event.message);
    });
    return { post: (message) => post(worker, message), terminate: async () => worker.terminate() };
  }, chosen);
  return {
    read,
    thread: {
      begin: (plan, client, told) => thread.begin(plan, client, told),
      async close() {
        first?.terminate();
        await thread.close();
      },
    },
  };
}

function firstRead(worker: Worker, request: ReadRequest): Promise<Extract<ReadReply, { type: 'read' }>> {
  return new Promise<Extract<ReadReply, { type: 'read' }>>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<RowReply>) => {
      if (data.type === 'read') resolve(data);
      else if (data.type === 'unreadable') reject(receivedError(data.error));
    });
    worker.addEventListener('error', (event) =>
      reject(new SottoError('UNSUPPORTED', `the worker for the rows does not start: ${event.message || 'blocked'}`)),
    );
    post(worker, request);
  }).catch((error: unknown) => {
    worker.terminate();
    throw error;
  });
}

function post(worker: Worker, request: RowRequest): void {
  worker.postMessage(request);
}
