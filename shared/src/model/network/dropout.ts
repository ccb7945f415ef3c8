import type { LayerOf } from '../topology.ts';
import type { Step, Uniform } from './step.ts';

/** Inverted dropout: what is kept is divided by the chance of being kept, so prediction needs no correction. */
export function dropoutStep({ rate }: LayerOf<'dropout'>): Step {
  return (_, values, __, uniform) => {
    if (uniform === null || rate === 0)
      return { outputs: values, backward: (slopes) => ({ inputs: slopes, traces: [] }) };
    const mask = dropoutMask(values.length, rate, uniform);
    return {
      outputs: product(values, mask),
      backward: (slopes) => ({ inputs: product(slopes, mask), traces: [] }),
    };
  };
}

function dropoutMask(length: number, rate: number, uniform: Uniform): Float64Array {
  const mask = new Float64Array(length);
  const threshold = rate * 4_294_967_296;
  const kept = 1 / (1 - rate);
  for (let i = 0; i < length; i++) mask[i] = uniform() < threshold ? 0 : kept;
  return mask;
}

function product(a: Float64Array, b: Float64Array): Float64Array {
  const values = new Float64Array(a.length);
  for (let i = 0; i < values.length; i++) values[i] = a[i]! * b[i]!;
  return values;
}
