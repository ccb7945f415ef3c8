import { sizeOf, type NetworkLayer } from '../layout.ts';
import type { LayerOf } from '../topology.ts';
import { noSlopes, type Step } from './step.ts';

/**
 * gamma · (x - mean) ⁄ √(variance + epsilon) + beta over the last axis. A row's statistics are its own, which is why it may stand where
 * batch normalization may not.
 * @see Ba, Kiros, Hinton 2016, eq. 4.
 */
export function layerNormStep({ epsilon }: LayerOf<'layerNorm'>, { tensors, inputShape }: NetworkLayer): Step {
  const units = inputShape.at(-1)!;
  const positions = sizeOf(inputShape) / units;
  const [gamma, beta] = tensors as [NetworkLayer['tensors'][0], NetworkLayer['tensors'][0]];
  return (weights, values, rows) => {
    const outputs = new Float64Array(values.length);
    const normal = new Float64Array(values.length);
    const inverse = new Float64Array(rows * positions);
    for (let place = 0; place < inverse.length; place++) {
      const at = place * units;
      let sum = 0;
      for (let unit = 0; unit < units; unit++) sum += values[at + unit]!;
      const mean = sum / units;
      let squares = 0;
      for (let unit = 0; unit < units; unit++) squares += (values[at + unit]! - mean) * (values[at + unit]! - mean);
      const scale = 1 / Math.sqrt(squares / units + epsilon);
      inverse[place] = scale;
      for (let unit = 0; unit < units; unit++) {
        const value = (values[at + unit]! - mean) * scale;
        normal[at + unit] = value;
        outputs[at + unit] = value * weights[gamma.offset + unit]! + weights[beta.offset + unit]!;
      }
    }
    return {
      outputs,
      backward(slopes, wanted) {
        const below = wanted ? new Float64Array(values.length) : noSlopes;
        for (let place = 0; wanted && place < inverse.length; place++) {
          const at = place * units;
          let sum = 0;
          let along = 0;
          for (let unit = 0; unit < units; unit++) {
            const slope = slopes[at + unit]! * weights[gamma.offset + unit]!;
            sum += slope;
            along += slope * normal[at + unit]!;
          }
          for (let unit = 0; unit < units; unit++) {
            const slope = slopes[at + unit]! * weights[gamma.offset + unit]!;
            below[at + unit] = (slope - sum / units - (normal[at + unit]! * along) / units) * inverse[place]!;
          }
        }
        if (gamma.trainedOffset === null || beta.trainedOffset === null) return { inputs: below, traces: [] };
        const places = { factorOffset: gamma.trainedOffset, shiftOffset: beta.trainedOffset };
        const trace = { form: 'scale', activations: normal, deltas: slopes, positions, units } as const;
        return { inputs: below, traces: [{ ...trace, ...places }] };
      },
    };
  };
}
