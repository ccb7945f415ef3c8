import { parentPort, workerData } from 'node:worker_threads';
import { chooseEngine } from './choose-engine.ts';
import type { ModelCall, ModelReply } from './worker-protocol.ts';
import type { ModelSpec } from './tfjs-model.ts';

/** The worker's side: one model, one call after the other. */
const port = parentPort;
if (port !== null) {
  const chosen = chooseEngine(workerData as ModelSpec, () => performance.now());
  chosen.then(
    ({ choice }) => port.postMessage({ id: 0, ok: true, value: choice } satisfies ModelReply),
    (error: unknown) => port.postMessage({ id: 0, ok: false, reason: String(error) } satisfies ModelReply),
  );
  let last: Promise<unknown> = chosen;
  port.on('message', (call: ModelCall) => {
    last = last.then(async () => {
      try {
        const { model } = await chosen;
        const value = await answer(model, call);
        port.postMessage({ id: call.id, ok: true, value } satisfies ModelReply);
      } catch (error) {
        port.postMessage({ id: call.id, ok: false, reason: String(error) } satisfies ModelReply);
      }
    });
  });
}

function answer(model: Awaited<ReturnType<typeof chooseEngine>>['model'], call: ModelCall): Promise<unknown> {
  switch (call.method) {
    case 'setWeights':
      return model.setWeights(call.weights);
    case 'traces':
      return model.traces(call.batch, call.dropoutSeed);
    case 'predict':
      return model.predict(call.inputs, call.rows);
    case 'train':
      return model.train(call.batch, call.settings, call.shuffleSeed);
  }
}
