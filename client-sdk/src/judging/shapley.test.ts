import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawnOrders, exactShapley, permutationShapley, type CoalitionGame } from './shapley.ts';

/** A game whose coalitions are worth what a function of their members says. */
function gameOf(features: number, worthOf: (members: readonly number[]) => number): CoalitionGame {
  return {
    features,
    worth: (members, coalitions) =>
      Float64Array.from({ length: coalitions }, (_, i) =>
        worthOf(Array.from({ length: features }, (_unused, j) => j).filter((j) => members[i * features + j] === 1)),
      ),
  };
}

/** Worths at random, one for each coalition. */
const anyGame = fc
  .integer({ min: 1, max: 6 })
  .chain((features) =>
    fc
      .array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2 ** features, maxLength: 2 ** features })
      .map((worths) => gameOf(features, (members) => worths[members.reduce((sum, j) => sum + 2 ** j, 0)]!)),
  );

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

describe('exact Shapley values', () => {
  it('add up to the worth of all, for every game', () => {
    fc.assert(
      fc.property(anyGame, (game) => {
        const { attributions, base, value } = exactShapley(game);
        expect(sum(attributions)).toBeCloseTo(value - base, 9);
      }),
    );
  });

  it('are the mean over all orders', () => {
    const game = gameOf(3, (members) => members.length ** 3 + (members.includes(1) ? 7 : 0));
    const orders = [
      [0, 1, 2],
      [1, 0, 2],
      [0, 2, 1],
    ];
    const all = permutationShapley(game, orders);
    exactShapley(game).attributions.forEach((value, i) => expect(value).toBeCloseTo(all.attributions[i]!, 12));
  });

  it('give nothing to a feature that adds nothing, and equals to equals', () => {
    const { attributions } = exactShapley(gameOf(4, (members) => (members.includes(0) && members.includes(2) ? 6 : 0)));
    expect([...attributions].map((value) => Number(value.toFixed(12)))).toEqual([3, 0, 3, 0]);
  });

  it('are refused above 13 features', () => {
    expect(() => exactShapley(gameOf(14, () => 0))).toThrow('at most 13 features, got 14; use permutations');
  });
});

describe('permutation Shapley values', () => {
  it('add up for every game and any order', () => {
    fc.assert(
      fc.property(anyGame, fc.string(), (game, seed) => {
        const { attributions, base, value } = permutationShapley(game, drawnOrders(game.features, 3, seed));
        expect(sum(attributions)).toBeCloseTo(value - base, 9);
      }),
    );
  });

  it('are exact from one pair where features interact in twos', () => {
    const game = gameOf(9, (members) => members.reduce((a, j) => a + j * members.filter((i) => i > j).length, 0));
    const { attributions, standardErrors } = permutationShapley(game, drawnOrders(9, 1, 'pair'));
    exactShapley(game).attributions.forEach((value, i) => expect(attributions[i]).toBeCloseTo(value, 9));
    expect(standardErrors).toBeNull();
  });

  it('come with standard errors that cover the exact values as they should, and are reproducible', () => {
    const game = gameOf(6, (members) => Math.sin(members.reduce((a, j) => a + 1.3 * j, 0) + members.length ** 2));
    const exact = exactShapley(game).attributions;
    let covered = 0;
    for (let seed = 0; seed < 50; seed++) {
      const { attributions, standardErrors } = permutationShapley(game, drawnOrders(6, 60, `seed ${seed}`));
      exact.forEach((value, i) => {
        if (Math.abs(attributions[i]! - value) <= 1.96 * standardErrors![i]!) covered += 1;
      });
    }
    expect(covered / 300).toBeGreaterThan(0.88);
    expect(covered / 300).toBeLessThan(0.995);
    expect(drawnOrders(6, 5, 'a')).toEqual(drawnOrders(6, 5, 'a'));
    expect(drawnOrders(6, 5, 'a')).not.toEqual(drawnOrders(6, 5, 'b'));
    expect(() => permutationShapley(game, [])).toThrow('expected an order, got none');
  });
});
