import type { Worker } from 'node:worker_threads';
import type { NodeUnits } from '../data/node-units.ts';
import { startThread } from '../platform/node-thread.ts';
import type { ContributionReply } from './contribution-protocol.ts';
import { createContributionsApart, type ContributionThread, type ContributionWorker } from './contributions-apart.ts';
import type { EngineChoice } from './create-local-model.ts';
import type { DeviceWish } from './engine.ts';

/**
 * Contributions in a thread of Node.
 *
 * @param units - in shared memory (`placeUnits`), so that no start depends on how many there are.
 * @param chosen - told which engine a run's model was given, and why.
 * @param device - what may compute.
 */
export function createContributionThread(
  units: NodeUnits,
  chosen: (choice: EngineChoice) => void,
  device: DeviceWish = 'auto',
): ContributionThread {
  return createContributionsApart(
    (answered, died): ContributionWorker => {
      const worker = startWorker(units);
      worker.on('message', (reply: ContributionReply) => answered(reply));
      worker.once('error', (error) => died(error.message));
      worker.once('exit', (code) => died(`exit code ${code}`));
      return {
        post: (request) => worker.postMessage(request),
        terminate: async () => void (await worker.terminate()),
      };
    },
    chosen,
    device,
  );
}

/** A small nursery: what the thread makes each round is large arrays, which lie outside it. Saves about 10 MB a node. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 } as const;

function startWorker(workerData: NodeUnits): Worker {
  return startThread(new URL('./contribution-worker.js', import.meta.url), { workerData, resourceLimits });
}
