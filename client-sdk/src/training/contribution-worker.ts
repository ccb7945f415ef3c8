import { parentPort, workerData } from 'node:worker_threads';
import { createNodeRandom, nodeKeyStream } from '@sotto/shared/crypto/node';
import { unitsOfParts, type NodeUnits } from '../data/node-units.ts';
import { createLocalModel } from './create-local-model.ts';
import { nodeEngines } from './node-engines.ts';
import { serveContributions } from './serve-contributions.ts';

if (parentPort !== null) {
  const port = parentPort;
  port.on(
    'message',
    serveContributions({
      unitsOf: unitsOfParts(workerData as NodeUnits),
      random: createNodeRandom(),
      keyStream: nodeKeyStream,
      createModel: (plan, device, chosen) => createLocalModel(plan, { candidates: nodeEngines(), device }, chosen),
      reply: (reply, transfer) => port.postMessage(reply, transfer),
    }),
  );
}
