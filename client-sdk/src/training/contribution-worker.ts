import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { createNodeRandom, nodeKeyStream } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import type { LocalModel } from '@sotto/shared/model';
import type { Plan } from '@sotto/shared/plan';
import { contributeSession } from '@sotto/shared/queries';
import { unitsOfParts, type NodeUnits } from '../data/node-units.ts';
import { createRunContributions, type RunContributions } from '../session/run-contributions.ts';
import type { ContributionReply, ContributionRequest } from './contribution-protocol.ts';
import { createLocalModel } from './create-local-model.ts';
import { nodeEngines } from './node-engines.ts';

type Run = {
  readonly plan: Plan;
  readonly model: Promise<LocalModel>;
  readonly contributions: RunContributions;
};

/** The working side: all that touches rows happens here, one request after the other. */
function serve(port: MessagePort, units: NodeUnits): void {
  const unitsOf = unitsOfParts(units);
  const random = createNodeRandom();
  const runs = new Map<number, Run>();

  function begin({ run, plan, client, device }: Extract<ContributionRequest, { type: 'begin' }>): void {
    const model = createLocalModel(plan, { candidates: nodeEngines(), device }, (choice) =>
      port.postMessage({ type: 'engine', choice } satisfies ContributionReply),
    );
    // Whoever needs the model meets the failure.
    model.catch(() => undefined);
    runs.set(run, { plan, model, contributions: createRunContributions(plan, client, nodeKeyStream) });
  }

  async function contribute(request: Extract<ContributionRequest, { type: 'contribute' }>): Promise<void> {
    const { id, run, task, weights } = request;
    try {
      const known = runs.get(run);
      if (known === undefined) throw new SottoError('INTERNAL', `contribution thread: run ${run} did not begin`);
      const { plan, model, contributions } = known;
      const integers = await contributeSession({
        ...contributions.asked(task),
        unitsOf: (part) => unitsOf(part.dataPart, plan.split),
        model: await model,
        weights,
        random,
      });
      // `contributeSession` makes the array for its caller, on a buffer of its own.
      const owned = integers as Int32Array<ArrayBuffer>;
      port.postMessage({ type: 'contributed', id, integers: owned } satisfies ContributionReply, [owned.buffer]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      port.postMessage({ type: 'failed', id, reason } satisfies ContributionReply);
    } finally {
      // Copies of keys: those of layers that stay in the sum would tell its noise.
      for (const key of task.noise?.keys ?? []) key.fill(0);
    }
  }

  async function end(run: number): Promise<void> {
    const ended = runs.get(run);
    runs.delete(run);
    ended?.contributions.forget();
    await ended?.model.then(
      (model) => model.dispose(),
      () => undefined,
    );
  }

  let last: Promise<void> = Promise.resolve();
  port.on('message', (request: ContributionRequest) => {
    last = last.then(() => {
      switch (request.type) {
        case 'begin':
          return begin(request);
        case 'contribute':
          return contribute(request);
        case 'end':
          return end(request.run);
      }
    });
  });
}

if (parentPort !== null) serve(parentPort, workerData as NodeUnits);
