import { SottoError } from '../errors/index.ts';
import type { PartSpec } from '../privacy/index.ts';

/** How many standard deviations of the noise may pass before a release is called impossible. */
const deviations = 6;

/** What an alarm is judged by, all of it public. */
export type ReleaseFacts = {
  readonly part: PartSpec;
  /** The part's released sum, in grid steps [d]. */
  readonly integers: Int32Array;
  /**
   * Units that the sum should hold at most: the planned batch of a `gradient` ({@link batchBound}), the survivors of an
   * `update`. Not used for an evaluation, whose cells count its own units.
   */
  readonly units: number;
  /** Variance of all the noise in one coordinate, in steps². */
  readonly noiseVarianceSteps: number;
  /** Sets of counts and loss that stand side by side in an evaluation: two where the plan holds clients out. Default 1. */
  readonly evaluationSets?: number;
};

/**
 * Why a release cannot be the sum of honest clients' contributions, in words; null when it can (attack A15).
 *
 * Training: each unit's vector is at most D steps long, so the sum of `units` of them and the noise is longer than
 * units·D + 6σ√d with probability below 1e-8 (soundness.md §5, "Adversarial clients"). Evaluation: every cell sums values that
 * are not negative, and the loss of each unit is at most its count, so a cell below −6σ, or a loss above the counts by more than
 * 6σ√d, is as improbable.
 *
 * Guarantees: garbage (a vector that is uniform modulo 2^32) raises it, unless `units` is above a million. Does not guarantee: a
 * client that stays within the bound shifts the sum unseen, and nobody is named.
 * @throws {INVALID_INPUT} when a length is wrong.
 */
export function releaseAlarm({
  part,
  integers,
  units,
  noiseVarianceSteps,
  evaluationSets = 1,
}: ReleaseFacts): string | null {
  if (integers.length !== part.dimension) {
    throw new SottoError('INVALID_INPUT', `alarm: ${part.dimension} coordinates expected, got ${integers.length}`);
  }
  const noise = deviations * Math.sqrt(noiseVarianceSteps);
  const jointNoise = noise * Math.sqrt(part.dimension);
  // Measures may be of either sign and are of units that the plan does not count; they steer nothing, and what they show is read by people.
  if (part.query === 'survey' || part.query === 'trainReport' || part.query === 'report') return null;
  if (part.query !== 'evaluation') {
    const norm = Math.sqrt(integers.reduce((total, value) => total + value * value, 0));
    const most = units * part.normBoundSteps + jointNoise;
    if (norm <= most) return null;
    return (
      `the training sum has norm ${inQuery(norm, part)}, honest clients and their noise come to ${inQuery(most, part)} at most ` +
      `(${Math.floor(units)} units of norm ${part.clipNormL2}): a client may run changed code, or hold far more units than planned`
    );
  }
  const least = integers.reduce((smallest, value) => Math.min(smallest, value), 0);
  if (least < -noise) {
    return `an evaluation count is ${inQuery(least, part)}, noise alone reaches ${inQuery(-noise, part)}: a client may run changed code`;
  }
  const length = part.dimension / evaluationSets;
  for (let from = 0; from < part.dimension; from += length) {
    const set = integers.subarray(from, from + length);
    const loss = set.at(-1)!;
    const counts = set.reduce((total, value) => total + value, 0) - loss;
    // A unit counts 1 in all, that is 1 / gridStep steps, less what truncation took from its cells: below a step each.
    const truncated = 2 * Math.max(0, counts) * part.gridStep * length;
    if (loss > counts + truncated + jointNoise) {
      return `the evaluation's loss ${inQuery(loss, part)} is above its count ${inQuery(counts, part)}: a client may run changed code`;
    }
  }
  return null;
}

/** Units that a Poisson-sampled batch of this planned size passes with probability below 1e-8. */
export function batchBound(expectedBatch: number): number {
  return expectedBatch + deviations * Math.sqrt(expectedBatch);
}

function inQuery(steps: number, part: PartSpec): string {
  return (steps * part.gridStep).toPrecision(3);
}
