import { sizeOf, type NetworkLayer } from '../layout.ts';
import { gatherTaps } from '../outer-products.ts';
import { slidingWindow, windowTaps } from '../sliding-window.ts';
import type { LayerOf } from '../topology.ts';
import { activate, multiplySlope } from './activation.ts';
import { addProduct, addTransposedProduct, type Matrix } from './matrix-product.ts';
import { noSlopes, type Step } from './step.ts';

/** activation(patches · kernel + bias): a dense layer at every position, over what the window sees there. */
export function convolutionStep(
  layer: LayerOf<'conv1d'> | LayerOf<'conv2d'>,
  { tensors, inputShape }: NetworkLayer,
): Step {
  const { filters, kernelSize, stride, padding, activation } = layer;
  const sliding = slidingWindow(inputShape, kernelSize, stride, padding);
  const taps = windowTaps(sliding);
  const positions = sliding.outHeight * sliding.outWidth;
  const inputs = taps.length / positions;
  const width = sizeOf(inputShape);
  const [kernel, bias] = tensors as [NetworkLayer['tensors'][0], NetworkLayer['tensors'][0]];
  const matrix: Matrix = { inputs, units: filters, offset: kernel.offset, stride: filters };
  // One row's patches, [positions, inputs].
  const patches = new Float64Array(taps.length);
  return (weights, values, rows) => {
    const outputs = new Float64Array(rows * positions * filters);
    for (let at = 0; at < outputs.length; at += filters) {
      for (let filter = 0; filter < filters; filter++) outputs[at + filter] = weights[bias.offset + filter]!;
    }
    for (let row = 0; row < rows; row++) {
      gatherTaps(values.subarray(row * width, (row + 1) * width), taps, patches);
      addProduct(patches, 0, positions, matrix, weights, outputs, row * positions * filters);
    }
    patches.fill(0);
    activate(activation, outputs);
    return {
      outputs,
      backward(slopes, wanted) {
        multiplySlope(activation, outputs, slopes);
        const below = wanted ? new Float64Array(rows * width) : noSlopes;
        if (wanted) {
          for (let row = 0; row < rows; row++) {
            patches.fill(0);
            addTransposedProduct(slopes, row * positions * filters, positions, matrix, weights, patches, 0);
            for (let i = 0; i < taps.length; i++) {
              const tap = taps[i]!;
              if (tap >= 0) below[row * width + tap]! += patches[i]!;
            }
          }
          patches.fill(0);
        }
        if (kernel.trainedOffset === null) return { inputs: below, traces: [] };
        const places = {
          kernelOffset: kernel.trainedOffset,
          kernelStride: filters,
          biasOffset: bias.trainedOffset,
        };
        const values_ = { activations: values, deltas: slopes };
        return {
          inputs: below,
          traces: [{ form: 'outer', ...values_, positions, inputs, units: filters, taps, ...places }],
        };
      },
    };
  };
}
