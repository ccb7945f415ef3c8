import type * as Tf from '@tensorflow/tfjs-core';
import { freeing, type ComposedKernel } from './kernel.ts';

/**
 * Derivative of a 2d convolution by its input, at stride 1: a convolution of dy, padded to full overlap, with the filter turned
 * by half a circle and its channels swapped. XNNPACK convolves about ten times quicker than tfjs's own loop differentiates.
 *
 * Other strides and layouts are left to that loop.
 */
export const convolutionInputGradient: ComposedKernel = ({ tf, backend, run }, inputs, attrs) => {
  const { dy, filter } = inputs as { dy: Tf.TensorInfo; filter: Tf.TensorInfo };
  const given = attrs as unknown as Tf.Conv2DBackpropInputAttrs;
  if (given.dataFormat !== 'NHWC' || dy.dtype !== 'float32') return null;
  const { filterHeight, filterWidth, padInfo, strideHeight, strideWidth } = tf.backend_util.computeConv2DInfo(
    given.inputShape,
    filter.shape as [number, number, number, number],
    given.strides,
    1,
    given.pad,
    given.dimRoundingMode,
  );
  if (strideHeight !== 1 || strideWidth !== 1) return null;
  const rows = [filterHeight - 1 - padInfo.top, filterHeight - 1 - padInfo.bottom];
  const columns = [filterWidth - 1 - padInfo.left, filterWidth - 1 - padInfo.right];
  // A padding wider than the filter: some of dy touches no input.
  if ([...rows, ...columns].some((pad) => pad < 0)) return null;
  return freeing(backend, (own) => {
    const turned = own(run('Reverse', { x: filter }, { dims: [0, 1] }));
    const swapped = own(run('Transpose', { x: turned }, { perm: [0, 1, 3, 2] }));
    const pad = [[0, 0], rows, columns, [0, 0]];
    return run(
      'Conv2D',
      { x: dy, filter: swapped },
      { strides: [1, 1], dilations: [1, 1], dataFormat: 'NHWC', pad: pad as unknown as Tf.Attribute },
    );
  });
};
