import { applyRelease, initialServerState, publishedClipNorm, publishWeights } from '../../learning/index.ts';
import type { ServerState } from '../../learning/index.ts';
import { modelLayout, overAllWeights, type LocalModel, type UnitBatch } from '../../model/index.ts';
import { concludeTraining, contributeSession, createUpdateMemory, splitParts } from '../../queries/index.ts';
import type { RandomSource } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { bandedTurn } from '../banded-schedule.ts';
import { inputWidth } from '../data-schema.ts';
import type { Plan } from '../plan-schema.ts';
import { queryContext } from '../query-context.ts';
import { releaseFormOf } from '../release-form.ts';
import { sessionParts } from '../session-parts.ts';

/** One round's sum, before and after. */
export type TrainingRound = {
  readonly round: number;
  /** The bound that the round's clients clipped to; null where the plan fixes it. */
  readonly clipNormL2: number | null;
  /** Each client's integers, noise included. */
  readonly contributions: readonly Int32Array[];
  readonly sum: Int32Array;
  readonly state: ServerState;
};

/**
 * Training rounds of a plan at unit client through the real door, strategy and noise, with a plain sum instead of a secure one.
 * @param deltaOf - what local training moves a client's weights by, [d]; called for each client and round.
 */
export async function* trainingRounds(
  plan: Plan,
  deltaOf: (client: number, round: number) => Float64Array,
  random: RandomSource,
): AsyncGenerator<TrainingRound> {
  const form = releaseFormOf(plan);
  const context = queryContext(plan);
  const parts = sessionParts(plan, ['training']);
  const dimension = layoutLength(modelLayout(plan.topology, inputWidth(plan.schema)));
  const memories = plan.roster.clients.map(() => createUpdateMemory());
  let state = initialServerState(plan.training.strategy, new Float32Array(dimension), form);
  for (let round = 1; round <= plan.training.rounds; round++) {
    const weights = publishWeights(state);
    const clipNormL2 = publishedClipNorm(state, form);
    const contributions: Int32Array[] = [];
    for (const [client, { client: id }] of plan.roster.clients.entries()) {
      const model = movedBy(() => deltaOf(client, round), weights);
      const unitsOf = (): UnitBatch => oneUnit(inputWidth(plan.schema));
      contributions.push(
        await contributeSession({
          context,
          parts,
          unitsOf,
          model,
          weights,
          clipNormL2,
          banded: { turn: bandedTurn(plan, id, round), memory: memories[client]! },
          random,
          allowInsecureRandom: true,
        }),
      );
    }
    const sum = contributions.reduce((total, integers) => total.map((value, index) => value + integers[index]!));
    const [training] = splitParts(parts, sum);
    if (training === undefined) return;
    const trained = concludeTraining(training.part, training.integers, context, contributions.length, clipNormL2);
    const mean = overAllWeights(plan.topology, inputWidth(plan.schema), trained);
    state = applyRelease(plan.training.strategy, state, mean, form);
    yield { round, clipNormL2, contributions, sum, state };
  }
}

/** A model that training moves by a given delta, exactly. */
function movedBy(delta: () => Float64Array, weights: Float32Array): LocalModel {
  const unused = (): never => {
    throw new Error('not asked for here');
  };
  return {
    setWeights: async () => undefined,
    traces: unused,
    predict: unused,
    // Doubles, so that the delta comes out as it went in.
    train: async () => delta().map((value, index) => value + weights[index]!) as unknown as Float32Array,
    dispose: async () => undefined,
  };
}

function oneUnit(features: number): UnitBatch {
  return {
    units: 1,
    rowOffsets: Uint32Array.of(0, 1),
    rows: 1,
    inputs: new Float32Array(features),
    features,
    targets: new Float32Array(1),
  };
}
