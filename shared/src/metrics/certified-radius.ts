import { SottoError } from '../errors/index.ts';
import { binomialUpperTail } from '../privacy/binomial.ts';
import { clopperPearsonLower } from './clopper-pearson.ts';
import { normalQuantile } from './interval.ts';

/** What draws around a row prove about the smoothed model. */
export type Certificate = {
  /** Lower bound of the chance that a draw is given the class, at confidence 1 - alpha. */
  readonly chance: number;
  /** The class cannot change within this L2 distance, in encoded inputs; null: it abstains. */
  readonly radius: number | null;
};

/**
 * Certified radius σ Φ⁻¹(p) of randomized smoothing, with p the one-sided Clopper–Pearson bound; it abstains at p of 1/2 or less.
 *
 * @param count - draws that were given the class, of `draws`. The class must have been chosen by other draws.
 * @param sigma - standard deviation of the noise, in encoded inputs.
 * @see Cohen, Rosenfeld, Kolter 2019, "Certified Adversarial Robustness via Randomized Smoothing", theorem 1 and §3.2.2.
 * @throws {INVALID_INPUT} when counts, alpha or sigma are out of range.
 */
export function certifiedRadius(count: number, draws: number, alpha: number, sigma: number): Certificate {
  requireCounts(count, draws, alpha);
  if (!(sigma > 0)) throw new SottoError('INVALID_INPUT', `smoothing: expected a sigma above 0, got ${sigma}`);
  const chance = clopperPearsonLower(count, draws, alpha);
  return { chance, radius: chance > 0.5 ? sigma * normalQuantile(chance) : null };
}

/**
 * Two-sided p-value of the most frequent class against the second one, both at one half: a smoothed prediction stands where it is
 * at most alpha, and abstains above.
 *
 * @see Cohen, Rosenfeld, Kolter 2019, §3.2.1; Hung, Fithian 2019.
 */
export function smoothedPValue(first: number, second: number): number {
  requireCounts(first, first + second, 0.5);
  const most = Math.max(first, second);
  return Math.min(1, 2 * binomialUpperTail(most, first + second, { win: 0.5, lose: 0.5 }));
}

function requireCounts(count: number, draws: number, alpha: number): void {
  if (!Number.isInteger(count) || !Number.isInteger(draws) || count < 0 || draws < 1 || count > draws) {
    throw new SottoError('INVALID_INPUT', `smoothing: expected 0 to ${draws} of 1 draw or more, got ${count}`);
  }
  if (!(alpha > 0 && alpha < 1))
    throw new SottoError('INVALID_INPUT', `smoothing: expected alpha in (0, 1), got ${alpha}`);
}
