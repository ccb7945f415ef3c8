import { Worker } from 'node:worker_threads';
import { SottoError } from '@sotto/shared/errors';
import type { DenseTrace, LocalModel } from '@sotto/shared/model';
import type { EngineChoice } from './create-local-model.ts';
import type { ModelSpec } from './tfjs-model.ts';
import type { ModelReply, ModelRequest } from './worker-protocol.ts';

/**
 * A model in a worker thread of its own, on the engine that is quicker for it, so that training holds up no message.
 * @throws {TRAINING_FAILED} when the worker cannot start.
 */
export async function createWorkerModel(spec: ModelSpec): Promise<{ model: LocalModel; choice: EngineChoice }> {
  const worker = startWorker(spec);
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: SottoError) => void }>();
  let calls = 0;
  let broken: SottoError | null = null;

  const fail = (reason: string): void => {
    broken ??= new SottoError('TRAINING_FAILED', `the training worker ended: ${reason}`);
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };
  worker.on('message', (reply: ModelReply) => {
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(new SottoError('TRAINING_FAILED', reply.reason));
  });
  worker.once('error', (error) => fail(error.message));
  worker.once('exit', (code) => fail(`exit code ${code}`));

  const answered = <T>(id: number, send: () => void): Promise<T> =>
    new Promise<unknown>((resolve, reject) => {
      if (broken !== null) {
        reject(broken);
        return;
      }
      waiting.set(id, { resolve, reject });
      send();
      // What comes back is what the model of the same build gave the worker.
    }) as Promise<T>;
  const call = <T>(request: ModelRequest): Promise<T> => {
    const id = ++calls;
    return answered<T>(id, () => worker.postMessage({ ...request, id }));
  };

  try {
    const choice = await answered<EngineChoice>(0, () => undefined);
    const model: LocalModel = {
      setWeights: (weights) => call({ method: 'setWeights', weights }),
      traces: (batch, dropoutSeed) => call<readonly DenseTrace[]>({ method: 'traces', batch, dropoutSeed }),
      predict: (inputs, rows) => call({ method: 'predict', inputs, rows }),
      train: (batch, settings, shuffleSeed) => call({ method: 'train', batch, settings, shuffleSeed }),
      async dispose() {
        await worker.terminate();
      },
    };
    return { model, choice };
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/** The built package has plain JavaScript; in a checkout, where only sources are, tsx loads them. */
function startWorker(workerData: ModelSpec): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./model-worker.js', import.meta.url), { workerData });
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./model-worker.ts', import.meta.url).href);
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { eval: true, workerData, execArgv: ['--conditions=source'] });
}
