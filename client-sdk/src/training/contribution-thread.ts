import { Worker } from 'node:worker_threads';
import type { PlacedUnits } from '../data/split.ts';
import type { ContributionReply } from './contribution-protocol.ts';
import { createContributionsApart, type ContributionThread, type ContributionWorker } from './contributions-apart.ts';
import type { EngineChoice } from './create-local-model.ts';

/**
 * Contributions in a thread of Node.
 *
 * @param units - in shared memory (`shareUnits`), so that no start depends on how many there are.
 * @param chosen - told which engine a run's model was given, and why.
 */
export function createContributionThread(
  units: PlacedUnits,
  chosen: (choice: EngineChoice) => void,
): ContributionThread {
  return createContributionsApart((answered, died): ContributionWorker => {
    const worker = startWorker(units);
    worker.on('message', (reply: ContributionReply) => answered(reply));
    worker.once('error', (error) => died(error.message));
    worker.once('exit', (code) => died(`exit code ${code}`));
    return {
      post: (request) => worker.postMessage(request),
      terminate: async () => void (await worker.terminate()),
    };
  }, chosen);
}

/** A small nursery: what the thread makes each round is large arrays, which lie outside it. Saves about 10 MB a node. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 } as const;

/** The built package has plain JavaScript; in a checkout, where only sources are, tsx loads them. */
function startWorker(workerData: PlacedUnits): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./contribution-worker.js', import.meta.url), { workerData, resourceLimits });
  }
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(new URL('./contribution-worker.ts', import.meta.url).href);
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { eval: true, workerData, resourceLimits, execArgv: ['--conditions=source'] });
}
