import { SottoError } from '@sotto/shared/errors';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import type { FeatureSpan } from '@sotto/shared/model';
import { rowsOf, requireWidth, type ScalarOutput } from '@sotto/shared/judging';

/** Most features for which every coalition is tried: 2^13 = 8,192 of them. */
export const exactShapleyMaxFeatures = 13;

/** Rows that one evaluation of the model takes at most, so that memory stays small. */
const evaluationRows = 2_048;

/** What coalitions of features are worth. */
export type CoalitionGame = {
  readonly features: number;
  /** @param members - row-major [coalitions, features], 1 for a member. @returns [coalitions]. */
  worth(members: Uint8Array, coalitions: number): Float64Array;
};

/** What Shapley's rule gave each feature. */
export type ShapleyValues = {
  /** [features]; with `base` they add up to `value`. */
  readonly attributions: Float64Array;
  /** Mean output over the background. */
  readonly base: number;
  /** Output of the row. */
  readonly value: number;
};

export type SampledShapleyValues = ShapleyValues & {
  /** Standard error of each attribution, [features], from the spread over pairs; null of a single pair. */
  readonly standardErrors: Float64Array | null;
};

/**
 * The game of explaining a row: members have the row's values, the others a background row's, and a coalition is worth the mean
 * output over the background.
 *
 * @param input - one encoded row, [inputs].
 * @param background - encoded rows, row-major; they must be public, not local rows. One row is a baseline.
 * @param spans - the inputs of each feature; a category's one-hot inputs come and go together.
 * @see Lundberg, Lee 2017, "A Unified Approach to Interpreting Model Predictions", §4; Janzing, Minorics, Blöbaum 2020 for the
 * interventional expectation.
 * @throws {INVALID_INPUT} when a width does not fit or there is no background.
 */
export function rowGame(
  output: ScalarOutput,
  input: Float64Array,
  background: Float64Array,
  spans: readonly FeatureSpan[],
): CoalitionGame {
  const { inputs } = output;
  requireWidth('row', input, inputs);
  const others = rowsOf(background, inputs);
  if (others === 0) throw new SottoError('INVALID_INPUT', 'background: expected at least 1 row, got 0');
  const atOnce = Math.max(1, Math.floor(evaluationRows / others));
  return {
    features: spans.length,
    worth(members, coalitions) {
      const worths = new Float64Array(coalitions);
      for (let first = 0; first < coalitions; first += atOnce) {
        const count = Math.min(atOnce, coalitions - first);
        const rows = new Float64Array(count * others * inputs);
        for (let i = 0; i < count; i++) {
          const base = i * others * inputs;
          rows.set(background, base);
          spans.forEach(({ from, to }, feature) => {
            if (members[(first + i) * spans.length + feature] !== 1) return;
            for (let row = 0; row < others; row++) rows.set(input.subarray(from, to), base + row * inputs + from);
          });
        }
        const values = output.value(rows, count * others);
        for (let i = 0; i < count; i++) {
          let sum = 0;
          for (let row = 0; row < others; row++) sum += values[i * others + row]!;
          worths[first + i] = sum / others;
        }
      }
      return worths;
    },
  };
}

/**
 * Shapley's values, every coalition counted.
 * @see Shapley 1953, "A Value for n-Person Games", §4; Lundberg, Lee 2017, eq. 4.
 * @throws {INVALID_INPUT} with more than 13 features.
 */
export function exactShapley(game: CoalitionGame): ShapleyValues {
  const n = game.features;
  if (n > exactShapleyMaxFeatures) {
    throw new SottoError(
      'INVALID_INPUT',
      `exact Shapley values: expected at most ${exactShapleyMaxFeatures} features, got ${n}; use permutations`,
    );
  }
  const coalitions = 2 ** n;
  const members = new Uint8Array(coalitions * n);
  for (let coalition = 0; coalition < coalitions; coalition++) {
    for (let feature = 0; feature < n; feature++) members[coalition * n + feature] = (coalition >> feature) & 1;
  }
  const worths = game.worth(members, coalitions);
  const shares = sharesBySize(n);
  const attributions = new Float64Array(n);
  for (let coalition = 0; coalition < coalitions; coalition++) {
    let size = 0;
    for (let feature = 0; feature < n; feature++) size += members[coalition * n + feature]!;
    for (let feature = 0; feature < n; feature++) {
      if (members[coalition * n + feature] === 1) continue;
      attributions[feature]! += shares[size]! * (worths[coalition | (1 << feature)]! - worths[coalition]!);
    }
  }
  return { attributions, base: worths[0]!, value: worths[coalitions - 1]! };
}

/** Share of orders in which just these `size` features come before a given other one: size! (n - 1 - size)! / n!. */
function sharesBySize(n: number): Float64Array {
  const shares = new Float64Array(n);
  if (n > 0) shares[0] = 1 / n;
  for (let size = 1; size < n; size++) shares[size] = (shares[size - 1]! * size) / (n - size);
  return shares;
}

/**
 * Estimates of Shapley's values: what each feature adds where it enters, averaged over the given orders and the reverse of each.
 * The pairs are antithetic: where features interact in twos alone, one pair is exact. The values add up exactly whatever the
 * number of orders.
 *
 * @param orders - permutations of the features, at least one.
 * @see Castro, Gómez, Tejada 2009, "Polynomial calculation of the Shapley value based on sampling", §3; Mitchell, Cooper, Frank,
 * Holmes 2022, "Sampling Permutations for Shapley Value Estimation", §4.1 (antithetic sampling).
 * @throws {INVALID_INPUT} without an order.
 */
export function permutationShapley(game: CoalitionGame, orders: readonly (readonly number[])[]): SampledShapleyValues {
  const n = game.features;
  const pairs = orders.length;
  if (pairs === 0) throw new SottoError('INVALID_INPUT', 'permutation Shapley values: expected an order, got none');
  const means = new Float64Array(n);
  const squares = new Float64Array(n);
  let [base, value] = [0, 0];
  orders.forEach((order, pair) => {
    const forth = additions(game, order);
    const back = additions(game, [...order].reverse());
    base = forth.base;
    value = forth.value;
    for (let feature = 0; feature < n; feature++) {
      // Welford's update: the spread of values far from 0 keeps its digits.
      const added = (forth.added[feature]! + back.added[feature]!) / 2;
      const step = added - means[feature]!;
      means[feature]! += step / (pair + 1);
      squares[feature]! += step * (added - means[feature]!);
    }
  });
  const standardErrors = pairs === 1 ? null : squares.map((square) => Math.sqrt(square / (pairs - 1) / pairs));
  return { attributions: means, base, value, standardErrors };
}

function additions(game: CoalitionGame, order: readonly number[]) {
  const n = game.features;
  const members = new Uint8Array((n + 1) * n);
  order.forEach((_, entered) => {
    for (let earlier = 0; earlier <= entered; earlier++) members[(entered + 1) * n + order[earlier]!] = 1;
  });
  const worths = game.worth(members, n + 1);
  const added = new Float64Array(n);
  order.forEach((feature, entered) => (added[feature] = worths[entered + 1]! - worths[entered]!));
  return { added, base: worths[0]!, value: worths[n]! };
}

/** Orders of the features, uniform and a function of the seed alone. */
export function drawnOrders(features: number, orders: number, seed: string): readonly (readonly number[])[] {
  const random = createSeededRandom(seed);
  const all = Array.from({ length: features }, (_, feature) => feature);
  return Array.from({ length: orders }, () => shuffle(random, all));
}
