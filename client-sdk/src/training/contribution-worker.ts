import { parentPort, workerData } from 'node:worker_threads';
import { createNodeRandom, nodeKeyStream } from '@sotto/shared/crypto/node';
import { unitsByPart, type PlacedUnits } from '../data/split.ts';
import { createLocalModel } from './create-local-model.ts';
import { serveContributions } from './serve-contributions.ts';

if (parentPort !== null) {
  const port = parentPort;
  port.on(
    'message',
    serveContributions({
      unitsOf: unitsByPart(workerData as PlacedUnits),
      random: createNodeRandom(),
      keyStream: nodeKeyStream,
      createModel: createLocalModel,
      reply: (reply, transfer) => port.postMessage(reply, transfer),
    }),
  );
}
