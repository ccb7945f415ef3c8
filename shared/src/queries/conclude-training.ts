import { SottoError } from '../errors/index.ts';
import type { PartSpec } from '../privacy/index.ts';
import { jointScales } from './adaptive-clip.ts';
import { gradientSettings } from './gradient.ts';
import type { QueryContext } from './query.ts';

/**
 * The mean that a training release stands for; float64 [d], in the order of the layout of what is trained, computed in a fixed order with
 * × and ÷ alone, so that a replay gives the same bits.
 *
 * The denominator is public: for `gradient` the plan's constant `expectedBatch` (what was really drawn is a secret, and with
 * lost clients the step is a little shorter), for `update` the number of survivors, or the plan's constant where not all make one.
 *
 * With adaptive clipping the last coordinate is the mean clip bit, less one half; the others are scaled by the session's bound.
 *
 * @param integers - the part's noisy sum, in grid steps [d]
 * @param survivors - clients in the sum, at least 1
 * @param clipNormL2 - C of the session's header, where the plan clips adaptively
 * @throws {INVALID_INPUT} when the part is no training part or a length is wrong.
 */
export function concludeTraining(
  part: PartSpec,
  integers: Int32Array,
  context: QueryContext,
  survivors: number,
  clipNormL2: number | null = null,
): Float64Array {
  if (part.query === 'evaluation' || integers.length !== part.dimension || survivors < 1) {
    throw new SottoError(
      'INVALID_INPUT',
      `training release: ${part.query} part of ${part.dimension} coordinates, got ${integers.length} from ${survivors} survivors`,
    );
  }
  const denominator =
    part.query === 'gradient' ? gradientSettings(context).expectedBatch : (context.expectedUpdates ?? survivors);
  const mean = new Float64Array(part.dimension);
  if (context.clipBit === null) {
    for (let index = 0; index < mean.length; index++) mean[index] = (integers[index]! * part.gridStep) / denominator;
    return mean;
  }
  if (clipNormL2 === null) throw new SottoError('INTERNAL', 'training release: the session has no bound to scale by');
  const scales = jointScales(context.clipBit, clipNormL2, part);
  const last = mean.length - 1;
  for (let index = 0; index < last; index++) mean[index] = (integers[index]! * scales.update) / denominator;
  mean[last] = (integers[last]! * scales.bit) / denominator;
  return mean;
}
