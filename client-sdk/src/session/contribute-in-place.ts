import type { CryptoPort } from '@sotto/shared/crypto';
import type { Plan } from '@sotto/shared/plan';
import { contributeSession } from '@sotto/shared/queries';
import type { RandomSource } from '@sotto/shared/random';
import type { Contributor, InPlacePorts } from './ports.ts';
import { createRunContributions } from './run-contributions.ts';

type Source = InPlacePorts & {
  readonly crypto: Pick<CryptoPort, 'keyStream'>;
  readonly random: RandomSource;
  readonly allowInsecureRandom?: boolean;
};

/** A client's contributions of a run on the calling thread, which does nothing else meanwhile. One at a time: they share the model. */
export function contributeInPlace(ports: Source, plan: Plan, client: string): Contributor {
  const { data, crypto, random, allowInsecureRandom = false } = ports;
  const model = ports.createModel(plan);
  const run = createRunContributions(plan, client, crypto.keyStream);
  // Whoever needs the model meets the failure; until then it is nobody's.
  model.catch(() => undefined);
  let last: Promise<unknown> = Promise.resolve();
  return {
    async contribute(task, weights) {
      const work = contributeSession({
        ...run.asked(task),
        unitsOf: (part) => data.unitsOf(part.dataPart, plan.split),
        model: await model,
        weights,
        random,
        allowInsecureRandom,
      });
      last = work.catch(() => null);
      return work;
    },
    async dispose() {
      await last;
      run.forget();
      await model.then(
        (made) => made.dispose(),
        () => undefined,
      );
    },
  };
}
