import { fromHex, layoutLength } from '../vector/index.ts';
import { integerStream } from './integer-stream.ts';
import { modelLayout, weightTensors } from './layout.ts';
import type { Topology } from './topology.ts';

/**
 * First weights of a run by the generator `glorot-uniform-v1`: kernels, recurrent ones too, and embeddings uniform within
 * ±√(6 / (fan in + fan out)), gamma 1, biases and beta 0. Fans are those of the matrix as it is stored, so a GRU's count all three
 * gates; of a convolution they count the window. Only + - × ÷ √ and integers are used, in layout order, so a seed gives the same
 * bits everywhere.
 *
 * @param seedHex - the plan's seed, lower-case hexadecimal.
 * @returns float32 [d] in the order of `modelLayout`.
 * @see Glorot, Bengio 2010, eq. 16.
 * @throws {INVALID_INPUT} when the seed is not hexadecimal.
 */
export function initialWeights(topology: Topology, inputs: number, seedHex: string): Float32Array {
  const next = integerStream(fromHex(seedHex));
  const weights = new Float32Array(layoutLength(modelLayout(topology, inputs)));
  for (const { start, offset, length } of weightTensors(topology, inputs)) {
    if (typeof start === 'number') {
      weights.fill(start, offset, offset + length);
      continue;
    }
    const limit = Math.sqrt(6 / (start.fanIn + start.fanOut));
    for (let i = offset; i < offset + length; i++) {
      // The midpoints of 2^32 equal cells of (-1, 1): symmetric, and never an end.
      weights[i] = ((next() - 2_147_483_647.5) / 2_147_483_648) * limit;
    }
  }
  return weights;
}
