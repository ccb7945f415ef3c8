import { SottoError } from '@sotto/shared/errors';
import type { Client, ClientModel } from './client.ts';
import type { JudgingCalls, JudgingReply, JudgingRequest, SentModel } from './judging-protocol.ts';
import { receivedError } from './sent-error.ts';

/** A client's models judged in a thread of their own, which starts with the first question. */
export type JudgingApart = Pick<Client, 'predict' | 'explain'> & {
  /** Ends the thread at once; what is under way fails as stopped, and so does what is asked later. */
  close(): void;
};

/** A thread or worker that answers, whatever the platform. */
export type JudgingWorker = {
  post(request: JudgingRequest): void;
  terminate(): void;
};

/** How a platform starts one. @param died - called when it ends by itself, once or more often */
export type StartJudgingWorker = (
  answered: (reply: JudgingReply) => void,
  died: (reason: string) => void,
) => JudgingWorker;

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: SottoError) => void };

export function createJudgingApart(start: StartJudgingWorker): JudgingApart {
  const waiting = new Map<number, Waiting>();
  let worker: JudgingWorker | null = null;
  let asked = 0;
  let closed = false;

  function end(error: SottoError): void {
    worker?.terminate();
    worker = null;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function answered(reply: JudgingReply): void {
    const asker = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) asker?.reject(receivedError(reply.error));
    else asker?.resolve(reply.value);
  }

  function startOne(): JudgingWorker {
    const own = start(answered, (reason) => {
      // One that was ended on purpose says so too.
      if (worker === own) end(new SottoError('UNSUPPORTED', `the thread that judges models has ended: ${reason}`));
    });
    return own;
  }

  function call<Name extends keyof JudgingCalls>(
    name: Name,
    ask: JudgingCalls[Name]['ask'],
  ): Promise<JudgingCalls[Name]['answer']> {
    return new Promise((resolve, reject) => {
      if (closed) throw wasClosed();
      const id = ++asked;
      worker ??= startOne();
      // First sent: what cannot be sent throws here, and waits for nothing.
      worker.post({ id, name, ask } as JudgingRequest);
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  return {
    predict: (model, rows, options = {}) => call('predict', { model: sentModel(model), rows, options }),
    explain: (model, row, options = {}) => call('explain', { model: sentModel(model), row, options }),
    close() {
      closed = true;
      end(wasClosed());
    },
  };
}

function wasClosed(): SottoError {
  return new SottoError('CANCELLED', 'the client was closed');
}

function sentModel({ plan: { schema, topology, loss }, weights }: ClientModel): SentModel {
  return { schema, topology, loss, weights };
}
