import { exp } from '@sotto/shared/model';
import { requireWidth, type ScalarOutput } from '@sotto/shared/judging';

/**
 * A counterfactual by plain gradient descent on (sigmoid(f(x)) - wanted)² + penalty · mean((x - x₀)²), for inputs without ranges
 * or categories, for example pixels; rows of a schema are `findCounterfactual`'s.
 *
 * @param output - a log odds.
 * @param input - x₀, [inputs].
 * @param wanted - the probability to be reached, 0 or 1.
 * @returns the changed inputs, [inputs].
 * @see Wachter, Mittelstadt, Russell 2018, eq. 1, with a squared distance.
 */
export function gradientCounterfactual(
  output: ScalarOutput,
  input: Float64Array,
  wanted: number,
  { steps = 300, rate = 0.5, penalty = 0.1 } = {},
): Float64Array {
  requireWidth('row', input, output.inputs);
  const changed = input.slice();
  for (let step = 0; step < steps; step++) {
    const probability = 1 / (1 + exp(-output.value(changed, 1)[0]!));
    const slope = 2 * (probability - wanted) * probability * (1 - probability);
    const gradient = output.gradient(changed, 1);
    for (let i = 0; i < changed.length; i++) {
      changed[i]! -= rate * (slope * gradient[i]! + (2 * penalty * (changed[i]! - input[i]!)) / input.length);
    }
  }
  return changed;
}
