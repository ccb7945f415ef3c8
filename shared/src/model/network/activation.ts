import { exp } from '../elementary.ts';
import type { Activation } from '../topology.ts';

/** Applies an activation in place. */
export function activate(activation: Activation, values: Float64Array): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      // Not Math.max: a NaN stays one either way, and -0 becomes 0.
      for (let i = 0; i < values.length; i++) if (values[i]! <= 0) values[i] = 0;
      return;
    case 'tanh':
      for (let i = 0; i < values.length; i++) values[i] = tanh(values[i]!);
      return;
    case 'sigmoid':
      for (let i = 0; i < values.length; i++) values[i] = sigmoid(values[i]!);
  }
}

/** Multiplies by the activation's derivative, which each activation's own output gives. */
export function multiplySlope(activation: Activation, outputs: Float64Array, delta: Float64Array): void {
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      for (let i = 0; i < delta.length; i++) if (outputs[i]! <= 0) delta[i] = 0;
      return;
    case 'tanh':
      for (let i = 0; i < delta.length; i++) delta[i]! *= 1 - outputs[i]! * outputs[i]!;
      return;
    case 'sigmoid':
      for (let i = 0; i < delta.length; i++) delta[i]! *= outputs[i]! * (1 - outputs[i]!);
  }
}

export function tanh(x: number): number {
  return 1 - 2 / (exp(2 * x) + 1);
}

export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const power = exp(x);
  return power / (1 + power);
}
