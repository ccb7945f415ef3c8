import type * as Tf from '@tensorflow/tfjs-core';
import { freeing, type ComposedKernel } from './kernel.ts';

/**
 * Shape under which memory was last the right side of a product. tfjs keeps what XNNPACK packed of a right side by its memory
 * alone: a product with the same memory under another shape would be computed with the old one, and be wrong without a word.
 */
const packedAs = new WeakMap<object, string>();

/**
 * Products with a transpose flag, of transposed copies: only the product without flags runs on XNNPACK, and the other is 13 to
 * 28 times slower. Every dense layer's gradients need both flags.
 */
export const matrixProduct: ComposedKernel = ({ backend, run }, inputs, attrs) => {
  const { a, b } = inputs as { a: Tf.TensorInfo; b: Tf.TensorInfo };
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return null;
  // A batch of products misses XNNPACK in any case; a copy would only be added.
  if ([a, b].some(({ shape }) => shape.slice(0, -2).some((size) => size > 1))) return null;
  return freeing(backend, (own) => {
    const upright = (x: Tf.TensorInfo, flag: unknown): Tf.TensorInfo =>
      flag === true ? own(run('Transpose', { x }, { perm: lastTwoSwapped(x.shape.length) })) : x;
    const left = upright(a, attrs['transposeA']);
    let right = upright(b, attrs['transposeB']);
    const shape = right.shape.slice(-2).join();
    if ((packedAs.get(right.dataId) ?? shape) !== shape) {
      const { dtype } = right;
      right = own(backend.makeOutput(right.shape, dtype, undefined, backend.readSync(right.dataId)));
    }
    packedAs.set(right.dataId, shape);
    return run('BatchMatMul', { a: left, b: right }, { transposeA: false, transposeB: false });
  });
};

function lastTwoSwapped(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
}
