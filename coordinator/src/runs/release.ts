import { applyRelease, publishedClipNorm, publishWeights, type ServerState } from '@sotto/shared/learning';
import { batchBound, releaseAlarm } from '@sotto/shared/metrics';
import { overAllWeights, weightsToBytes } from '@sotto/shared/model';
import {
  clientsThatTrain,
  coordinatorNoiseVariance,
  queryContext,
  releaseFormOf,
  remainingNoiseVariance,
  sessionParts,
  type NoiseLeft,
  type Plan,
} from '@sotto/shared/plan';
import { createNoiseSampler } from '@sotto/shared/privacy';
import type { EvaluationSet, RunStatus } from '@sotto/shared/protocol';
import {
  concludeEvaluation,
  concludeMeasures,
  concludeTraining,
  splitParts,
  stopReason,
  type EvaluationFigures,
} from '@sotto/shared/queries';
import type { RandomSource } from '@sotto/shared/random';
import type { SessionHeader } from '@sotto/shared/secure-sum';

/** What a released sum does to the server, computed from public things alone. */
export type Conclusion = {
  readonly state: ServerState;
  /** Bytes of the published model after the release. */
  readonly model: Uint8Array;
  /** The bound that the next round's clients clip to; null where the plan fixes it. */
  readonly clipNormL2: number | null;
  readonly releaseNorm: number | null;
  readonly evaluation: RunStatus['evaluations'][number] | null;
  /** Why the sum cannot be that of honest clients; null when it can. */
  readonly alarm: string | null;
  /** Why the run is to end by what its survey found; null: it goes on. */
  readonly stop: string | null;
};

/**
 * Adds the coordinator's noise where the plan says that the coordinator adds it (trusted mode), in place, before anything is
 * stored; elsewhere the clients' shares are in the sum already and nothing happens.
 */
export function addCoordinatorNoise(
  plan: Plan,
  header: SessionHeader,
  sum: Int32Array,
  random: RandomSource,
  allowInsecureRandom: boolean,
): void {
  let offset = 0;
  for (const part of sessionParts(plan, header.slots)) {
    const variance = coordinatorNoiseVariance(plan, part);
    if (variance > 0) {
      createNoiseSampler(variance, { allowInsecureRandom }).add(sum, offset, part.dimension, random);
    }
    offset += part.dimension;
  }
}

/**
 * Adds the sum of a group to that of the round, in place, coordinate by coordinate. The plan's check has shown that nothing wraps while
 * clients are honest; where one is not, it wraps everywhere alike.
 */
export function addGroupSum(total: Int32Array, sum: Int32Array): void {
  for (let index = 0; index < total.length; index++) total[index] = total[index]! + sum[index]!;
}

/**
 * Why a sum cannot be that of honest clients, or null when it can: of a whole cohort or of one group.
 * @param noise - what was taken out of the sum's noise; null: nothing
 */
export function alarmOf(
  plan: Plan,
  header: SessionHeader,
  sum: Int32Array,
  survivors: number,
  noise: NoiseLeft | null,
): string | null {
  const { query } = plan.training;
  const units = query.kind === 'gradient' ? batchBound(query.expectedBatch) : survivors;
  const evaluationSets = plan.heldOut === undefined ? 1 : 2;
  const alarms = splitParts(sessionParts(plan, header.slots), sum).flatMap(({ part, integers }) => {
    const noiseVarianceSteps = remainingNoiseVariance(plan, part, survivors, noise);
    return releaseAlarm({ part, integers, units, noiseVarianceSteps, evaluationSets }) ?? [];
  });
  return alarms.length === 0 ? null : alarms.join('; ');
}

/**
 * Concludes a release: the strategy's step and the evaluation's figures. Deterministic, so a replay gives the same bits. A sum in which
 * nobody is left that trains is noise, and no step is made of it.
 * @param noise - what was taken out of the sum's noise; null: nothing
 */
export function conclude(
  plan: Plan,
  header: SessionHeader,
  before: ServerState,
  sum: Int32Array,
  survivors: readonly string[],
  noise: NoiseLeft | null,
): Conclusion {
  const context = queryContext(plan);
  const form = releaseFormOf(plan);
  let state = before;
  let releaseNorm: number | null = null;
  let evaluation: Conclusion['evaluation'] = null;
  let fit: EvaluationSet | null = null;
  let stop: string | null = null;
  for (const { part, integers } of splitParts(sessionParts(plan, header.slots), sum)) {
    const noiseVarianceSteps = remainingNoiseVariance(plan, part, survivors.length, noise);
    if (part.slot === 'training') {
      const train = clientsThatTrain(plan, survivors).length;
      if (train === 0) continue;
      const trained = concludeTraining(part, integers, context, train, header.clipNormL2 ?? null);
      const mean = overAllWeights(context.topology, context.inputs, trained);
      state = applyRelease(plan.training.strategy, before, mean, form);
      const update = mean.subarray(0, before.weights.length);
      releaseNorm = Math.sqrt(update.reduce((total, value) => total + value * value, 0));
    } else if (part.slot === 'fit') {
      fit = shownOf(concludeEvaluation(part, integers, context, noiseVarianceSteps));
    } else if (part.slot === 'survey' && plan.survey?.stopBelow !== undefined) {
      stop = stopReason(plan.survey.stopBelow, concludeMeasures(part, integers, context, noiseVarianceSteps));
    } else if (part.slot === 'evaluation') {
      const { unseen, ...figures } = concludeEvaluation(part, integers, context, noiseVarianceSteps);
      const dataPart = part.dataPart === 'test' ? 'test' : 'validation';
      evaluation = {
        round: header.round,
        part: dataPart,
        ...shownOf(figures),
        // In a session the training units come before the others.
        ...(fit === null ? {} : { fit }),
        ...(unseen === null ? {} : { unseen: shownOf(unseen) }),
      };
    }
  }
  const alarm = alarmOf(plan, header, sum, survivors.length, noise);
  const clipNormL2 = publishedClipNorm(state, form);
  return { state, model: weightsToBytes(publishWeights(state)), clipNormL2, releaseNorm, evaluation, alarm, stop };
}

/** What a status shows of an evaluation's figures: without the confusion. */
function shownOf({ units, accuracy, loss, withheld }: EvaluationFigures): EvaluationSet {
  return { units, accuracy, loss, withheld };
}
