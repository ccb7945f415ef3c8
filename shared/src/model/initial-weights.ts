import { fromHex, layoutLength } from '../vector/index.ts';
import { integerStream } from './integer-stream.ts';
import { denseShapes, modelLayout } from './layout.ts';
import type { Topology } from './topology.ts';

/**
 * First weights of a run by the generator `glorot-uniform-v1`: kernels uniform within ±√(6 / (inputs + units)), biases 0.
 * Only + - × ÷ √ and integers are used, in layout order, so a seed gives the same bits everywhere.
 *
 * @param seedHex - the plan's seed, lower-case hexadecimal.
 * @returns float32 [d] in the order of `modelLayout`.
 * @see Glorot, Bengio 2010, eq. 16.
 * @throws {INVALID_INPUT} when the seed is not hexadecimal.
 */
export function initialWeights(topology: Topology, inputs: number, seedHex: string): Float32Array {
  const next = integerStream(fromHex(seedHex));
  const weights = new Float32Array(layoutLength(modelLayout(topology, inputs)));
  for (const shape of denseShapes(topology, inputs)) {
    const limit = Math.sqrt(6 / (shape.inputs + shape.units));
    for (let i = shape.kernelOffset; i < shape.biasOffset; i++) {
      // The midpoints of 2^32 equal cells of (-1, 1): symmetric, and never an end.
      weights[i] = ((next() - 2_147_483_647.5) / 2_147_483_648) * limit;
    }
  }
  return weights;
}
