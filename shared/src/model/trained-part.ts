import { layoutLength } from '../vector/index.ts';
import { modelLayout, trainedLayout, weightTensors } from './layout.ts';
import type { Topology } from './topology.ts';

/** Some neighbouring coordinates that are trained: where they lie among all weights, and among those that are trained. */
export type TrainedRange = { readonly offset: number; readonly trainedOffset: number; readonly length: number };

/** The trained coordinates of a topology, in order; neighbours are joined. */
export function trainedRanges(topology: Topology, inputs: number): readonly TrainedRange[] {
  const ranges: TrainedRange[] = [];
  for (const { offset, trainedOffset, length } of weightTensors(topology, inputs)) {
    if (trainedOffset === null) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) {
      ranges[ranges.length - 1] = { ...last, length: last.length + length };
    } else ranges.push({ offset, trainedOffset, length });
  }
  return ranges;
}

/**
 * A vector over what is trained as one over all weights: zeros where a layer keeps its own. What follows the model's coordinates, a
 * round's public figures, stays behind them.
 *
 * @param vector - float64 [trained coordinates + figures]; returned as it is where every layer is trained.
 */
export function overAllWeights(topology: Topology, inputs: number, vector: Float64Array): Float64Array {
  const whole = layoutLength(modelLayout(topology, inputs));
  const trained = layoutLength(trainedLayout(topology, inputs));
  if (whole === trained) return vector;
  const wide = new Float64Array(whole + vector.length - trained);
  for (const { offset, trainedOffset, length } of trainedRanges(topology, inputs)) {
    wide.set(vector.subarray(trainedOffset, trainedOffset + length), offset);
  }
  wide.set(vector.subarray(trained), whole);
  return wide;
}
