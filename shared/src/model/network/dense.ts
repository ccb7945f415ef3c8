import type { NetworkLayer } from '../layout.ts';
import type { LayerOf } from '../topology.ts';
import { activate, multiplySlope } from './activation.ts';
import { addProduct, addTransposedProduct, type Matrix } from './matrix-product.ts';
import { noSlopes, type Step } from './step.ts';

/** activation(x · kernel + bias). */
export function denseStep({ units, activation }: LayerOf<'dense'>, { tensors, inputShape }: NetworkLayer): Step {
  const [inputs] = inputShape as [number];
  const [kernel, bias] = tensors as [NetworkLayer['tensors'][0], NetworkLayer['tensors'][0]];
  const matrix: Matrix = { inputs, units, offset: kernel.offset, stride: units };
  return (weights, values, rows) => {
    const outputs = new Float64Array(rows * units);
    for (let row = 0; row < rows; row++) {
      for (let unit = 0; unit < units; unit++) outputs[row * units + unit] = weights[bias.offset + unit]!;
    }
    addProduct(values, 0, rows, matrix, weights, outputs, 0);
    activate(activation, outputs);
    return {
      outputs,
      backward(slopes, wanted) {
        multiplySlope(activation, outputs, slopes);
        const below = wanted ? new Float64Array(rows * inputs) : noSlopes;
        if (wanted) addTransposedProduct(slopes, 0, rows, matrix, weights, below, 0);
        if (kernel.trainedOffset === null) return { inputs: below, traces: [] };
        const places = {
          kernelOffset: kernel.trainedOffset,
          kernelStride: units,
          biasOffset: bias.trainedOffset,
        };
        const trace = {
          form: 'outer',
          activations: values,
          deltas: slopes,
          positions: 1,
          inputs,
          units,
          taps: null,
        } as const;
        return { inputs: below, traces: [{ ...trace, ...places }] };
      },
    };
  };
}
