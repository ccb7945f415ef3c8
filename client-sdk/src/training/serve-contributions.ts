import type { KeyStream } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import type { LocalModel, UnitBatch, UnitsOnNeed } from '@sotto/shared/model';
import type { Plan } from '@sotto/shared/plan';
import { contributeSession } from '@sotto/shared/queries';
import type { RandomSource } from '@sotto/shared/random';
import type { DataPart } from '../session/ports.ts';
import { createRunContributions, type RunContributions } from '../session/run-contributions.ts';
import type { ContributionReply, ContributionRequest } from './contribution-protocol.ts';
import type { EngineChoice } from './create-local-model.ts';
import type { DeviceWish } from './engine.ts';

/** What the working side needs of its platform. */
export type ContributionPorts = {
  unitsOf(part: DataPart, split: Plan['split']): UnitBatch | UnitsOnNeed | Promise<UnitBatch>;
  /** The platform's CSPRNG. */
  readonly random: RandomSource;
  readonly keyStream: KeyStream;
  createModel(plan: Plan, device: DeviceWish, chosen: (choice: EngineChoice) => void): Promise<LocalModel>;
  reply(reply: ContributionReply, transfer: readonly ArrayBuffer[]): void;
};

type Run = {
  readonly plan: Plan;
  readonly model: Promise<LocalModel>;
  readonly contributions: RunContributions;
};

/**
 * The working side: all that touches rows happens here, one request after the other.
 * @returns what takes a request; never throws.
 */
export function serveContributions(ports: ContributionPorts): (request: ContributionRequest) => void {
  const runs = new Map<number, Run>();

  async function begin({ run, plan, client, device }: Extract<ContributionRequest, { type: 'begin' }>): Promise<void> {
    const model = ports.createModel(plan, device, (choice) => ports.reply({ type: 'engine', run, choice }, []));
    // Whoever needs the model meets the failure.
    const ready = model.catch(() => undefined);
    runs.set(run, { plan, model, contributions: createRunContributions(plan, client, ports.keyStream) });
    // tfjs has one current backend: beside a trial of engines, another run's rows might pass through one that does not keep them apart.
    await ready;
  }

  async function contribute(request: Extract<ContributionRequest, { type: 'contribute' }>): Promise<void> {
    const { id, run, task, weights } = request;
    try {
      const known = runs.get(run);
      if (known === undefined) throw new SottoError('INTERNAL', `contribution thread: run ${run} did not begin`);
      const { plan, model, contributions } = known;
      const integers = await contributeSession({
        ...contributions.asked(task),
        unitsOf: (part) => ports.unitsOf(part.dataPart, plan.split),
        model: await model,
        weights,
        random: ports.random,
      });
      // `contributeSession` makes the array for its caller, on a buffer of its own.
      const owned = integers as Int32Array<ArrayBuffer>;
      ports.reply({ type: 'contributed', id, integers: owned }, [owned.buffer]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      ports.reply({ type: 'failed', id, reason }, []);
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
  return (request) => {
    last = last
      .then(() => {
        switch (request.type) {
          case 'begin':
            return begin(request);
          case 'contribute':
            return contribute(request);
          case 'end':
            return end(request.run);
        }
      })
      // What went wrong with one request, such as an engine that fails while it is let go of, is no other's affair.
      .catch(() => undefined);
  };
}
