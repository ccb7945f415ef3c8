import { bandCoefficients, bandNormSteps, encodeUnit, type PartSpec } from '../privacy/index.ts';

/** An update that is due in a round: made in it (age 0), or sent again, c_age of it, `age` rounds later. */
export type BandedTurn = { readonly madeIn: number; readonly age: number };

/**
 * The last update that a client made in a run, on the grid: in memory alone, so that a restart sends zeros instead of an old one.
 * One is enough: the next is made when this one is no longer due.
 */
export type UpdateMemory = {
  keep(madeIn: number, encoded: Int32Array): void;
  /** Null when the update of that round is not known, after a restart for example. */
  recall(madeIn: number): Int32Array | null;
  /** Wipes what is kept. */
  forget(): void;
};

/** A memory that holds nothing yet. */
export function createUpdateMemory(): UpdateMemory {
  let kept: { readonly madeIn: number; readonly encoded: Int32Array } | null = null;
  return {
    keep(madeIn, encoded) {
      kept?.encoded.fill(0);
      kept = { madeIn, encoded: encoded.slice() };
    },
    recall: (madeIn) => (kept?.madeIn === madeIn ? kept.encoded : null),
    forget() {
      kept?.encoded.fill(0);
      kept = null;
    },
  };
}

/**
 * Adds c_age of an update that was made before. It passes `encodeUnit` again, with the bound D_age that this round's event states: the
 * promise rests on that check and the books, never on what the memory holds.
 */
export function addAgain(encoded: Int32Array, age: number, part: PartSpec, target: Int32Array): void {
  const coefficient = bandCoefficients(age + 1)[age]!;
  const vector = Float64Array.from(encoded, (steps) => steps * coefficient);
  const normBoundSteps = bandNormSteps(part.normBoundSteps, coefficient);
  encodeUnit(vector, { dimension: part.dimension, gridStep: 1, normBoundSteps }, target, 0);
}
