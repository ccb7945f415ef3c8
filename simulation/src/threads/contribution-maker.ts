import { createRunContributions, type ContributionTask, type DataPart } from '@sotto/client/session';
import type { KeyStream } from '@sotto/shared/crypto';
import { referenceModel, type LocalModel, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, type Plan } from '@sotto/shared/plan';
import { contributeSession } from '@sotto/shared/queries';
import { createSeededRandom } from '@sotto/shared/random';
import { toHex } from '@sotto/shared/vector';

/** One contribution, with everything that decides it: who computes it, and after what, changes nothing. */
export type ContributionJob = {
  /** Which life of which client: what a run's updates leave in a client's memory ends with it. */
  readonly life: number;
  readonly client: string;
  /** Text from which coin, noise and shuffling are drawn. */
  readonly seed: string;
  readonly task: ContributionTask;
  readonly weights: Float32Array;
  readonly units: ReadonlyMap<DataPart, UnitBatch>;
};

export type MadeContribution = {
  readonly integers: Int32Array;
  /** Keys that noise was drawn from, in the order of the layers. */
  readonly noiseKeys: readonly Uint8Array[];
};

/** Makes the contributions of some clients of one run, on the calling thread. */
export type ContributionMaker = {
  /** One after the other: the clients share a model, whose results depend on its weights and the units alone. */
  contribute(job: ContributionJob): Promise<MadeContribution>;
  /** A client's life is over. */
  end(life: number): void;
};

export function createContributionMaker(plan: Plan, keyStream: KeyStream): ContributionMaker {
  const model = keepingWeights(referenceModel(plan.topology, inputWidth(plan.schema), plan.loss));
  const noiseKeys = new Map<string, Uint8Array>();
  const recorded: KeyStream = (key, drawnBy) => {
    noiseKeys.set(toHex(key), key.slice());
    return keyStream(key, drawnBy);
  };
  const lives = new Map<number, ReturnType<typeof createRunContributions>>();
  let last: Promise<unknown> = Promise.resolve();

  async function made({ life, client, seed, task, weights, units }: ContributionJob): Promise<MadeContribution> {
    let contributions = lives.get(life);
    if (contributions === undefined) {
      contributions = createRunContributions(plan, client, recorded);
      lives.set(life, contributions);
    }
    noiseKeys.clear();
    const integers = await contributeSession({
      ...contributions.asked(task),
      // Every part of the session was asked for.
      unitsOf: ({ dataPart }) => units.get(dataPart)!,
      model,
      weights,
      random: createSeededRandom(seed),
      allowInsecureRandom: true,
    });
    return { integers, noiseKeys: [...noiseKeys.values()] };
  }

  return {
    contribute(job) {
      const work = last.then(() => made(job));
      last = work.catch(() => undefined);
      return work;
    },
    end(life) {
      lives.get(life)?.forget();
      lives.delete(life);
    },
  };
}

/** The same model, which takes in the weights that it has only once: a round's are one array for all clients. */
function keepingWeights(model: LocalModel): LocalModel {
  let set: Float32Array | null = null;
  return {
    ...model,
    async setWeights(weights) {
      if (set?.buffer === weights.buffer && set.byteOffset === weights.byteOffset && set.length === weights.length)
        return;
      await model.setWeights(weights);
      set = weights;
    },
  };
}
