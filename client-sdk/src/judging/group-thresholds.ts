import { SottoError } from '@sotto/shared/errors';
import { chanceOfPositive } from '@sotto/shared/metrics';
import { inputColumns } from '@sotto/shared/plan';
import { groupingBy, type ThresholdFile } from '@sotto/shared/queries';
import { createSeededRandom } from '@sotto/shared/random';
import { toHex } from '@sotto/shared/vector';
import type { JudgedModel } from './judged-model.ts';
import { predictRows } from './predict.ts';

/** What thresholds by group make of a row. */
export type GroupDecision = {
  /** Text of the target. */
  readonly value: string;
  readonly group: string;
  /** Chance of the positive class; neither 0 nor 1 where the group draws between two thresholds. */
  readonly chance: number;
};

/**
 * What a binary model predicts of one row by thresholds of the row's group. Where the group draws between thresholds, the draw is a
 * function of the row and the seed: who asks again is told the same.
 *
 * A row of a group without thresholds, which had too few people to find some for, is decided at one half.
 *
 * @param inputs - one encoded row, [inputs]. Scores are those of the model as it was trained, without a temperature.
 * @throws {INVALID_INPUT} when the model is not binary, the thresholds are of another model, or of columns or groups that the schema has
 * not.
 */
export function decideByGroup(
  judged: JudgedModel,
  inputs: Float64Array,
  file: ThresholdFile,
  seed: string,
): GroupDecision {
  const { target } = judged.schema;
  if (target.kind !== 'binary') {
    throw new SottoError('INVALID_INPUT', `thresholds: they are of a binary target, the model predicts ${target.kind}`);
  }
  if (file.modelHash !== undefined && file.modelHash !== judged.modelHash) {
    throw new SottoError(
      'INVALID_INPUT',
      `thresholds: of model ${file.modelHash.slice(0, 12)}, this one is ${judged.modelHash.slice(0, 12)}; scores of another model mean other things`,
    );
  }
  const { names, groupOf } = groupingBy(inputColumns(judged.schema), file.columns);
  const unknown = file.groups.find(({ group }) => !names.includes(group));
  if (unknown !== undefined) {
    throw new SottoError('INVALID_INPUT', `thresholds: the model's schema has no group ${unknown.group}`);
  }
  const [prediction] = predictRows(judged, inputs);
  const score = prediction?.kind === 'class' ? prediction.probabilities[0]!.probability : NaN;
  const group = names[groupOf(inputs, 0)]!;
  const own = file.groups.find((one) => one.group === group);
  const chance = own === undefined ? Number(score > 0.5) : Math.min(1, chanceOfPositive(own, score));
  return { value: drawn(inputs, seed) < chance ? target.positive : target.negative, group, chance };
}

/** A number in [0, 1) that a row and a seed always give. */
function drawn(inputs: Float64Array, seed: string): number {
  const bytes = new Uint8Array(Float64Array.from(inputs).buffer);
  const word = new Uint32Array(1);
  createSeededRandom(`thresholds/${seed}/${toHex(bytes)}`).words(word);
  return word[0]! / 2 ** 32;
}
