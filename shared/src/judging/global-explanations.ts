import type { FeatureSpan } from '../model/index.ts';
import { rowsOf } from './rows-of.ts';

/** Any one number a row, for example a probability: features row-major [rows, inputs] → [rows]. */
export type RowFunction = (features: Float64Array, rows: number) => Float64Array;

/**
 * What is said of each row with a value of a feature in place of its own: individual conditional expectations, row-major
 * [values, rows]. Their mean over rows is the partial dependence.
 *
 * @param inputs - encoded rows, row-major [rows, width].
 * @param values - encoded values of the feature, each as wide as its span.
 * @see Goldstein, Kapelner, Bleich, Pitkin 2015, "Peeking Inside the Black Box", §3; Friedman 2001, §8.2.
 */
export function conditionalValues(
  said: RowFunction,
  inputs: Float64Array,
  width: number,
  span: Pick<FeatureSpan, 'from'>,
  values: readonly Float64Array[],
): Float64Array {
  const rows = rowsOf(inputs, width);
  const found = new Float64Array(values.length * rows);
  values.forEach((value, index) => {
    const changed = inputs.slice();
    for (let row = 0; row < rows; row++) changed.set(value, row * width + span.from);
    found.set(said(changed, rows), index * rows);
  });
  return found;
}

/**
 * Partial dependence: for each value of a feature, the sum over rows of what is said of them with that value in place of their
 * own. Sums, not means: clients' sums add up to the pooled one.
 *
 * @param inputs - encoded rows, row-major [rows, width].
 * @param values - encoded values of the feature, each as wide as its span.
 * @returns sums, [values].
 * @see Friedman 2001, "Greedy Function Approximation: A Gradient Boosting Machine", §8.2.
 */
export function partialDependenceSums(
  said: RowFunction,
  inputs: Float64Array,
  width: number,
  span: FeatureSpan,
  values: readonly Float64Array[],
): Float64Array {
  const rows = rowsOf(inputs, width);
  const each = conditionalValues(said, inputs, width, span, values);
  return Float64Array.from(values, (_, index) =>
    each.subarray(index * rows, (index + 1) * rows).reduce((sum, one) => sum + one, 0),
  );
}

/**
 * The rows with a feature taken from other rows: what permutation importance compares with. Where counts are to be released, the
 * donors must be public (a schema's range, a released histogram): among local rows a removed one would change another's donor.
 *
 * @param inputs - encoded rows, row-major [rows, width].
 * @param feature - the inputs that are the feature, for example those of a category or of a part of a picture.
 * @param donors - encoded rows, row-major [donors, width].
 * @param donorOf - number of each row's donor, [rows].
 * @see Breiman 2001, "Random Forests", §10; Fisher, Rudin, Dominici 2019, §3.
 */
export function withFeatureFrom(
  inputs: Float64Array,
  width: number,
  feature: ArrayLike<number>,
  donors: Float64Array,
  donorOf: ArrayLike<number>,
): Float64Array {
  const changed = inputs.slice();
  for (let row = 0; row < rowsOf(inputs, width); row++) {
    const donor = donorOf[row]! * width;
    for (let i = 0; i < feature.length; i++) changed[row * width + feature[i]!] = donors[donor + feature[i]!]!;
  }
  return changed;
}
