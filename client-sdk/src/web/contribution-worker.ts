// A browser's worker in which the rows are read and worked on: of them it gives out contributions alone.
import { createWebRandom, webKeyStream } from '@sotto/shared/crypto/web';
import { SottoError } from '@sotto/shared/errors';
import * as z from 'zod';
import { sourceOf } from '../client/data.ts';
import { createLocalData } from '../data/split.ts';
import type { LocalData } from '../session/ports.ts';
import { createLocalModel } from '../training/create-local-model.ts';
import { webEngines } from '../training/web-engines.ts';
import { serveContributions } from '../training/serve-contributions.ts';
import { readData } from './read-data.ts';
import type { ReadRequest, RowReply, RowRequest } from './row-protocol.ts';
import { sentError } from '../client/sent-error.ts';
import { workerScope } from './worker-scope.ts';

// Its quicker way compiles code from text, which a strict page forbids and reports.
z.config({ jitless: true });

const wasmFolder = new URL('./', import.meta.url).href;
const scope = workerScope<RowRequest, RowReply>();
let read: Promise<LocalData> = Promise.reject(new SottoError('INTERNAL', 'contribution worker: no data were read'));
read.catch(() => undefined);

const serve = serveContributions({
  unitsOf: async (part, split) => (await read).unitsOf(part, split),
  random: createWebRandom(globalThis.crypto),
  keyStream: webKeyStream,
  // tfjs's own files lie beside this one.
  createModel: (plan, device, chosen) =>
    createLocalModel(plan, { candidates: webEngines({ wasmFolder }), device }, chosen),
  reply: (reply, transfer) => scope.postMessage(reply, transfer),
});

scope.addEventListener('message', ({ data }) => {
  if (data.type === 'read') read = take(data);
  else serve(data);
});

async function take({ data, schema, splitKey, known }: ReadRequest): Promise<LocalData> {
  try {
    const { table, beginning } = await readData(data, schema, known);
    const local = createLocalData(table, splitKey);
    scope.postMessage({ type: 'read', name: sourceOf(data).name, report: table.report, beginning });
    return local;
  } catch (error) {
    scope.postMessage({ type: 'unreadable', error: sentError(error) });
    throw error;
  }
}
