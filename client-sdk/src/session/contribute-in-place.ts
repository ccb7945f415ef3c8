import { queryContext, sessionParts, type Plan } from '@sotto/shared/plan';
import { contributeSession } from '@sotto/shared/queries';
import type { RandomSource } from '@sotto/shared/random';
import type { Contributor, InPlacePorts } from './ports.ts';

type Source = InPlacePorts & { readonly random: RandomSource; readonly allowInsecureRandom?: boolean };

/** Contributions of a run on the calling thread, which does nothing else meanwhile. One at a time: they share the model. */
export function contributeInPlace(ports: Source, plan: Plan): Contributor {
  const { data, random, allowInsecureRandom = false } = ports;
  const model = ports.createModel(plan);
  // Whoever needs the model meets the failure; until then it is nobody's.
  model.catch(() => undefined);
  let last: Promise<unknown> = Promise.resolve();
  return {
    async contribute({ slots, clipNormL2 }, weights) {
      const work = contributeSession({
        context: queryContext(plan),
        parts: sessionParts(plan, slots),
        unitsOf: (part) => data.unitsOf(part.dataPart, plan.split),
        model: await model,
        weights,
        clipNormL2,
        random,
        allowInsecureRandom,
      });
      last = work.catch(() => null);
      return work;
    },
    async dispose() {
      await last;
      await model.then(
        (made) => made.dispose(),
        () => undefined,
      );
    },
  };
}
