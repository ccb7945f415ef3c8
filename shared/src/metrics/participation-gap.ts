import { SottoError } from '../errors/index.ts';
import { differenceOfFigures } from './combine-figures.ts';
import type { Figure } from './interval.ts';

/** A figure on the three kinds of unit: that train, of the same clients but held back, and of clients that train nothing. */
export type ThreeWaySplit = {
  readonly train: Figure | null;
  readonly validation: Figure | null;
  readonly unseen: Figure | null;
};

/** Differences of the three, each with its interval; null where one of both figures is missing. */
export type GeneralizationGaps = {
  /** Train - validation: what was learned by heart of the units that trained. */
  readonly outOfSample: Figure | null;
  /** Validation - unseen: what the model knows of the clients that trained and not of others. */
  readonly participation: Figure | null;
  /** Train - unseen: both together. */
  readonly total: Figure | null;
};

/**
 * The gaps of the three-way split. Units of the three are disjoint and their noises independent, so the intervals' sides add in
 * quadrature. For accuracies a gap above 0 says overfitting; for losses one below 0.
 * @see Yuan, Morningstar, Ning, Singhal 2022, "What Do We Mean by Generalization in Federated Learning?", §3.
 */
export function generalizationGaps({ train, validation, unseen }: ThreeWaySplit): GeneralizationGaps {
  const gap = (a: Figure | null, b: Figure | null): Figure | null =>
    a === null || b === null ? null : differenceOfFigures(a, b);
  return { outOfSample: gap(train, validation), participation: gap(validation, unseen), total: gap(train, unseen) };
}

/**
 * Mean of clients' figures, weighted by their units (what a sum over units gives) or each the same (at unit = client).
 * @param units - of each client; absent: every client weighs the same.
 * @throws {INVALID_INPUT} without a unit, or when the lengths differ.
 */
export function meanOverClients(figures: ArrayLike<number>, units?: ArrayLike<number>): number {
  if (units !== undefined && units.length !== figures.length) {
    throw new SottoError(
      'INVALID_INPUT',
      `mean over clients: ${figures.length} figures, ${units.length} numbers of units`,
    );
  }
  let [sum, total] = [0, 0];
  for (let client = 0; client < figures.length; client++) {
    const weight = units === undefined ? 1 : units[client]!;
    sum += weight * figures[client]!;
    total += weight;
  }
  if (!(total > 0)) throw new SottoError('INVALID_INPUT', 'mean over clients: expected at least one unit, got none');
  return sum / total;
}
