import type { NetworkLayer } from '../layout.ts';
import type { LayerOf } from '../topology.ts';
import { sigmoid, tanh } from './activation.ts';
import { addProduct, addTransposedProduct, type Matrix } from './matrix-product.ts';
import { noSlopes, type Step } from './step.ts';

/**
 * A gated recurrent unit from a state of zeros, the reset before the product as in the paper and in tfjs (`resetAfter` false), columns
 * of the kernels in the order update, reset, candidate:
 *
 * z = σ(x Wz + h Uz + bz), r = σ(x Wr + h Ur + br), c = tanh(x Wc + (r ⊙ h) Uc + bc), h' = z ⊙ h + (1 - z) ⊙ c.
 *
 * @see Cho et al. 2014, eq. 5–8.
 */
export function gruStep({ units, returnSequences }: LayerOf<'gru'>, { tensors, inputShape }: NetworkLayer): Step {
  const [steps, features] = inputShape as [number, number];
  const [kernel, recurrent, bias] = tensors as [Tensor, Tensor, Tensor];
  const gates = 3 * units;
  const whole: Matrix = { inputs: features, units: gates, offset: kernel.offset, stride: gates };
  const ofGates: Matrix = { inputs: units, units: 2 * units, offset: recurrent.offset, stride: gates };
  const ofCandidate: Matrix = { inputs: units, units, offset: recurrent.offset + 2 * units, stride: gates };

  return (weights, values, rows) => {
    const places = rows * steps;
    // Of every row and step: x W + b, the state before, the gates, the reset state, the candidate.
    const driven = new Float64Array(places * gates);
    for (let at = 0; at < driven.length; at += gates) {
      for (let gate = 0; gate < gates; gate++) driven[at + gate] = weights[bias.offset + gate]!;
    }
    addProduct(values, 0, places, whole, weights, driven, 0);
    const before = new Float64Array(places * units);
    const updateReset = new Float64Array(places * 2 * units);
    const resetState = new Float64Array(places * units);
    const candidate = new Float64Array(places * units);
    const states = new Float64Array(places * units);
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < steps; step++) {
        const place = row * steps + step;
        const at = place * units;
        if (step > 0) before.set(states.subarray(at - units, at), at);
        for (let gate = 0; gate < 2 * units; gate++) updateReset[2 * at + gate] = driven[place * gates + gate]!;
        addProduct(before, at, 1, ofGates, weights, updateReset, 2 * at);
        for (let gate = 0; gate < 2 * units; gate++) updateReset[2 * at + gate] = sigmoid(updateReset[2 * at + gate]!);
        for (let unit = 0; unit < units; unit++) {
          resetState[at + unit] = updateReset[2 * at + units + unit]! * before[at + unit]!;
          candidate[at + unit] = driven[place * gates + 2 * units + unit]!;
        }
        addProduct(resetState, at, 1, ofCandidate, weights, candidate, at);
        for (let unit = 0; unit < units; unit++) {
          const fresh = tanh(candidate[at + unit]!);
          candidate[at + unit] = fresh;
          const update = updateReset[2 * at + unit]!;
          states[at + unit] = update * before[at + unit]! + (1 - update) * fresh;
        }
      }
    }

    return {
      outputs: returnSequences ? states : lastOf(states, rows, steps, units),
      backward(slopes, wanted) {
        const gateDeltas = new Float64Array(places * 2 * units);
        const candidateDeltas = new Float64Array(places * units);
        const ofState = new Float64Array(units);
        const ofReset = new Float64Array(units);
        for (let row = 0; row < rows; row++) {
          ofState.fill(0);
          for (let step = steps - 1; step >= 0; step--) {
            const at = (row * steps + step) * units;
            if (returnSequences) for (let unit = 0; unit < units; unit++) ofState[unit]! += slopes[at + unit]!;
            else if (step === steps - 1) ofState.set(slopes.subarray(row * units, (row + 1) * units));
            for (let unit = 0; unit < units; unit++) {
              const update = updateReset[2 * at + unit]!;
              const fresh = candidate[at + unit]!;
              const slope = ofState[unit]!;
              candidateDeltas[at + unit] = slope * (1 - update) * (1 - fresh * fresh);
              gateDeltas[2 * at + unit] = slope * (before[at + unit]! - fresh) * update * (1 - update);
              ofState[unit] = slope * update;
            }
            ofReset.fill(0);
            addTransposedProduct(candidateDeltas, at, 1, ofCandidate, weights, ofReset, 0);
            for (let unit = 0; unit < units; unit++) {
              const reset = updateReset[2 * at + units + unit]!;
              gateDeltas[2 * at + units + unit] = ofReset[unit]! * before[at + unit]! * reset * (1 - reset);
              ofState[unit]! += ofReset[unit]! * reset;
            }
            addTransposedProduct(gateDeltas, 2 * at, 1, ofGates, weights, ofState, 0);
          }
        }
        const below = wanted ? new Float64Array(places * features) : noSlopes;
        if (wanted) {
          const gatesIn: Matrix = { ...whole, units: 2 * units };
          const candidateIn: Matrix = { ...whole, units, offset: whole.offset + 2 * units };
          addTransposedProduct(gateDeltas, 0, places, gatesIn, weights, below, 0);
          addTransposedProduct(candidateDeltas, 0, places, candidateIn, weights, below, 0);
        }
        const inputs = { activations: values, inputs: features };
        const traces = gruTraces([kernel, recurrent, bias], steps, units, {
          gates: [inputs, { activations: before, inputs: units }, gateDeltas],
          candidate: [inputs, { activations: resetState, inputs: units }, candidateDeltas],
        });
        return { inputs: below, traces };
      },
    };
  };
}

type Tensor = NetworkLayer['tensors'][0];
type Given<Values> = { readonly activations: Values; readonly inputs: number };

/** A GRU's traces: the two gates and the candidate, each by what the kernel and the recurrent kernel were given. */
export function gruTraces<Values>(
  [kernel, recurrent, bias]: readonly [Tensor, Tensor, Tensor],
  positions: number,
  units: number,
  of: Readonly<Record<'gates' | 'candidate', readonly [Given<Values>, Given<Values>, Values]>>,
) {
  const [kernelAt, recurrentAt, biasAt] = [kernel.trainedOffset, recurrent.trainedOffset, bias.trainedOffset];
  if (kernelAt === null || recurrentAt === null || biasAt === null) return [];
  return (['gates', 'candidate'] as const).flatMap((part) => {
    const [input, state, deltas] = of[part];
    const column = part === 'gates' ? 0 : 2 * units;
    const columns = part === 'gates' ? 2 * units : units;
    const trace = { form: 'outer', deltas, positions, units: columns, taps: null, kernelStride: 3 * units } as const;
    return [
      { ...trace, ...input, kernelOffset: kernelAt + column, biasOffset: biasAt + column },
      { ...trace, ...state, kernelOffset: recurrentAt + column, biasOffset: null },
    ];
  });
}

function lastOf(states: Float64Array, rows: number, steps: number, units: number): Float64Array {
  const last = new Float64Array(rows * units);
  for (let row = 0; row < rows; row++) {
    const at = ((row + 1) * steps - 1) * units;
    last.set(states.subarray(at, at + units), row * units);
  }
  return last;
}
