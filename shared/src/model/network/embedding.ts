import type { NetworkLayer } from '../layout.ts';
import type { LayerOf } from '../topology.ts';
import { noSlopes, type Step } from './step.ts';

/** The vector of each token. What is no token of the vocabulary gives no numbers, so that its unit counts as zero. */
export function embeddingStep(
  { vocabulary, units }: LayerOf<'embedding'>,
  { tensors, inputShape }: NetworkLayer,
): Step {
  const [positions] = inputShape as [number];
  const [table] = tensors as [NetworkLayer['tensors'][0]];
  return (weights, values, rows) => {
    const outputs = new Float64Array(rows * positions * units);
    for (let place = 0; place < rows * positions; place++) {
      const token = Math.trunc(values[place]!);
      const known = token >= 0 && token < vocabulary;
      const from = table.offset + token * units;
      for (let unit = 0; unit < units; unit++) {
        outputs[place * units + unit] = known ? weights[from + unit]! : Number.NaN;
      }
    }
    return {
      outputs,
      // Below are the model's own inputs alone, by which nobody asks for a derivative.
      backward(slopes) {
        if (table.trainedOffset === null) return { inputs: noSlopes, traces: [] };
        const trace = { form: 'scatter', activations: values, deltas: slopes, positions, units } as const;
        const places = { entries: vocabulary, tableOffset: table.trainedOffset };
        return { inputs: noSlopes, traces: [{ ...trace, ...places }] };
      },
    };
  };
}
