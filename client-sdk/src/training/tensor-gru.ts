import { gruTraces, type LayerOf, type NetworkLayer } from '@sotto/shared/model';
import type { Tfjs } from './engine.ts';
import type { Tensor, TensorStep, TensorTrace } from './tensor-step.ts';

type Place = NetworkLayer['tensors'][0];

/** A gated recurrent unit, the reset before the product; `shared/src/model/network/gru.ts` has the formulas. */
export function gruStep(
  tf: Tfjs,
  { units, returnSequences }: LayerOf<'gru'>,
  { tensors, inputShape }: NetworkLayer,
): TensorStep {
  const [steps, features] = inputShape as [number, number];
  const places = tensors as readonly [Place, Place, Place];
  return ([kernel, recurrent, bias], inputs) => {
    const rows = inputs.shape[0]!;
    const flat = tf.reshape(inputs, [rows * steps, features]);
    const driven = tf.reshape(tf.add(tf.matMul(flat, kernel!), bias!), [rows, steps, 3 * units]);
    const ofGates = tf.slice(recurrent!, [0, 0], [units, 2 * units]);
    const ofCandidate = tf.slice(recurrent!, [0, 2 * units], [units, units]);
    const past: Kept[] = [];
    let state: Tensor = tf.zeros([rows, units]);
    for (let step = 0; step < steps; step++) {
      const given = tf.reshape(tf.slice(driven, [0, step, 0], [rows, 1, 3 * units]), [rows, 3 * units]);
      const both = tf.sigmoid(tf.add(tf.slice(given, [0, 0], [rows, 2 * units]), tf.matMul(state, ofGates)));
      const update = tf.slice(both, [0, 0], [rows, units]);
      const reset = tf.slice(both, [0, units], [rows, units]);
      const resetState = tf.mul(reset, state);
      const fresh = tf.slice(given, [0, 2 * units], [rows, units]);
      const candidate = tf.tanh(tf.add(fresh, tf.matMul(resetState, ofCandidate)));
      past.push({ before: state, update, reset, resetState, candidate });
      state = tf.add(tf.mul(update, state), tf.mul(tf.sub(1, update), candidate));
    }
    const states = returnSequences ? [...past.slice(1).map(({ before }) => before), state] : [];
    return {
      outputs: returnSequences ? tf.stack(states, 1) : state,
      backward(slopes, wanted) {
        const back = { gates: tf.transpose(ofGates), candidate: tf.transpose(ofCandidate) };
        const gateDeltas: Tensor[] = [];
        const candidateDeltas: Tensor[] = [];
        let ofState: Tensor = returnSequences ? tf.zeros([rows, units]) : slopes;
        for (let step = steps - 1; step >= 0; step--) {
          const { before, update, reset, candidate } = past[step]!;
          if (returnSequences) {
            const given = tf.reshape(tf.slice(slopes, [0, step, 0], [rows, 1, units]), [rows, units]);
            ofState = tf.add(ofState, given);
          }
          const left = tf.sub(1, update);
          const toCandidate = tf.mul(tf.mul(ofState, left), tf.sub(1, tf.mul(candidate, candidate)));
          const toUpdate = tf.mul(tf.mul(ofState, tf.sub(before, candidate)), tf.mul(update, left));
          const ofReset = tf.matMul(toCandidate, back.candidate);
          const toReset = tf.mul(tf.mul(ofReset, before), tf.mul(reset, tf.sub(1, reset)));
          const toGates = tf.concat([toUpdate, toReset], 1);
          gateDeltas[step] = toGates;
          candidateDeltas[step] = toCandidate;
          const passed = tf.add(tf.mul(ofState, update), tf.mul(ofReset, reset));
          ofState = tf.add(passed, tf.matMul(toGates, back.gates));
        }
        const gates = tf.stack(gateDeltas, 1);
        const candidates = tf.stack(candidateDeltas, 1);
        const deltas = tf.reshape(tf.concat([gates, candidates], 2), [rows * steps, 3 * units]);
        const below = wanted ? tf.reshape(tf.matMul(deltas, tf.transpose(kernel!)), inputs.shape) : null;
        const input = { activations: inputs, inputs: features };
        const stacked = (of: (kept: Kept) => Tensor) => ({ activations: tf.stack(past.map(of), 1), inputs: units });
        const traces = gruTraces(places, steps, units, {
          gates: [input, stacked(({ before }) => before), gates],
          candidate: [input, stacked(({ resetState }) => resetState), candidates],
        });
        return { inputs: below, traces: traces.map((trace) => withPatches(tf, trace)) };
      },
    };
  };
}

/** What a step leaves for the way back, each [rows, units]. */
type Kept = Readonly<Record<'before' | 'update' | 'reset' | 'resetState' | 'candidate', Tensor>>;

function withPatches(tf: Tfjs, trace: ReturnType<typeof gruTraces<Tensor>>[number]): TensorTrace {
  const { activations, deltas, ...form } = trace;
  const places = activations.shape[0]! * form.positions;
  return { form, activations, deltas, patches: () => tf.reshape(activations, [places, form.inputs]) };
}
