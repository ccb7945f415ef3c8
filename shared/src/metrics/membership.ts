import { SottoError } from '../errors/index.ts';
import { normalCdf } from '../privacy/accountants/normal-tail.ts';
import { aucOf } from './classification.ts';
import { clopperPearsonLower } from './clopper-pearson.ts';

/** What a rule "in the training data, if its loss is at most this" does to rows that trained and to rows that did not. */
export type ThresholdAttack = {
  readonly threshold: number;
  /** Share of members that it finds, and of others that it accuses. */
  readonly tpr: number;
  readonly fpr: number;
  /** TPR - FPR: 0 is guessing, 1 is knowing. */
  readonly advantage: number;
};

/** The attack by a threshold on the loss, with the losses in the attacker's hands. */
export type LossAttack = {
  /** Chance that a member's loss lies below another row's, ties half. */
  readonly auc: number;
  /** The threshold of the largest advantage; the least of several. */
  readonly best: ThresholdAttack;
  /** (TPR + TNR) / 2 at the best threshold. */
  readonly balancedAccuracy: number;
  /** The threshold that needs no search: the mean loss of the members. */
  readonly yeom: ThresholdAttack;
  /** The largest TPR at an FPR of at most so much, without interpolation: 0 where no threshold accuses so few. */
  tprAt(fpr: number): number;
};

/**
 * Membership inference by loss: the model has seen what it knows too well.
 *
 * @param members - losses of rows that trained, [rows]
 * @param others - losses of rows of the same kind that did not, [rows]
 * @see Yeom, Giacomelli, Fredrikson, Jha 2018, Adversary 2; Carlini et al. 2022, §III, on why low FPR counts.
 * @throws {INVALID_INPUT} when there are no rows on one side, or a loss is NaN.
 */
export function lossAttack(members: ArrayLike<number>, others: ArrayLike<number>): LossAttack {
  if (members.length === 0 || others.length === 0) {
    throw new SottoError(
      'INVALID_INPUT',
      `membership: ${members.length} members and ${others.length} others, expected both`,
    );
  }
  const scores = [...Array.from(members), ...Array.from(others)].map((loss) => -loss);
  const labels = scores.map((_, row) => (row < members.length ? 1 : 0));
  const auc = aucOf(scores, labels) ?? NaN;
  const [ofMembers, ofOthers] = [Float64Array.from(members).sort(), Float64Array.from(others).sort()];
  const at = (threshold: number): ThresholdAttack => {
    const tpr = shareUpTo(ofMembers, threshold);
    const fpr = shareUpTo(ofOthers, threshold);
    return { threshold, tpr, fpr, advantage: tpr - fpr };
  };
  const curve = thresholdsOf(members, others).map(at);
  const best = curve.reduce((found, one) => (one.advantage > found.advantage ? one : found));
  const mean = Array.from(members).reduce((sum, loss) => sum + loss, 0) / members.length;
  return {
    auc,
    best,
    balancedAccuracy: (1 + best.advantage) / 2,
    yeom: at(mean),
    tprAt: (fpr) => curve.reduce((most, one) => (one.fpr <= fpr && one.tpr > most ? one.tpr : most), 0),
  };
}

/** What an attack got right and wrong: members found among the members, others accused among the others. */
export type AttackCounts = {
  readonly found: number;
  readonly members: number;
  readonly accused: number;
  readonly others: number;
};

/**
 * A lower bound on the ε of whatever made the model, from an attack whose rule was fixed beforehand: by both of
 * TPR ≤ e^ε·FPR + δ and TNR ≤ e^ε·FNR + δ, with two-sided Clopper–Pearson bounds at alpha each. 0: the attack shows nothing.
 * Rows must have been put in and left out at random; of other rows it says how they differ.
 *
 * @see Jagielski, Ullman, Oprea 2020, §4; Nasr et al. 2021, §III. Where canaries were planted see `privacy`'s `auditBound`.
 * @throws {INVALID_INPUT} when counts, δ or alpha are out of range.
 */
export function empiricalEpsilon(counts: AttackCounts, delta: number, alpha = 0.05): number {
  const { found, members, accused, others } = counts;
  const whole = Object.values(counts).every((count) => Number.isInteger(count) && count >= 0);
  if (!whole || found > members || accused > others || members === 0 || others === 0) {
    throw new SottoError(
      'INVALID_INPUT',
      `membership: ${found} of ${members} members and ${accused} of ${others} others are no counts of an attack`,
    );
  }
  if (!(alpha > 0 && alpha < 1 && delta >= 0 && delta < 1)) {
    throw new SottoError(
      'INVALID_INPUT',
      `membership: expected alpha in (0, 1) and delta in [0, 1), got ${alpha}, ${delta}`,
    );
  }
  const low = (count: number, of: number): number => clopperPearsonLower(count, of, alpha / 2);
  const high = (count: number, of: number): number => 1 - low(of - count, of);
  const byMembers = Math.log((low(found, members) - delta) / high(accused, others));
  const byOthers = Math.log((low(others - accused, others) - delta) / high(members - found, members));
  // The logarithm of what is not positive is NaN or -∞: nothing is shown.
  return [byMembers, byOthers].reduce((most, bound) => (bound > most ? bound : most), 0);
}

/** The most that (ε, δ)-DP leaves any attack on one row, whatever it knows. */
export type AttackBound = {
  readonly epsilon: number;
  readonly delta: number;
  /** (e^ε - 1 + 2δ) / (e^ε + 1). */
  readonly advantage: number;
  tprAt(fpr: number): number;
};

/**
 * TPR ≤ min(e^ε·FPR + δ, 1 - e^-ε·(1 - FPR - δ)), and the largest TPR - FPR under it.
 * @see Kairouz, Oh, Viswanath 2015, theorem 2.1; Humphries et al. 2023, theorem 3.1.
 * @throws {INVALID_INPUT} when ε is negative or δ out of [0, 1).
 */
export function attackBound(epsilon: number, delta: number): AttackBound {
  if (!(epsilon >= 0 && delta >= 0 && delta < 1)) {
    throw new SottoError(
      'INVALID_INPUT',
      `membership: expected epsilon >= 0 and delta in [0, 1), got ${epsilon}, ${delta}`,
    );
  }
  return {
    epsilon,
    delta,
    // tanh(ε/2) + 2δ/(e^ε + 1), without ∞/∞.
    advantage: Math.min(1, Math.tanh(epsilon / 2) + (2 * delta) / (Math.exp(epsilon) + 1)),
    tprAt: (fpr) => {
      if (epsilon === Infinity) return 1;
      return Math.max(0, Math.min(1, Math.exp(epsilon) * fpr + delta, 1 - Math.exp(-epsilon) * (1 - fpr - delta)));
    },
  };
}

/** log(p / (1 - p)) of the confidence in the true class: nearly normal over models. @see Carlini et al. 2022, §V.A */
export function logitScaled(confidence: number): number {
  return Math.log(confidence / (1 - confidence));
}

/** What shadow models say of one row: logit-scaled confidences of models that trained on it, and of models that did not. */
export type ShadowLogits = { readonly inLogits: readonly number[]; readonly outLogits: readonly number[] };

/**
 * LiRA with models of both kinds: log of the likelihood ratio of the observed logit under both normal fits. Above 0: rather in.
 *
 * @param fixed - standard deviations over all rows, in place of each row's own: better with few shadow models.
 * @see Carlini, Chien, Nasr, Song, Terzis, Tramèr 2022, "Membership Inference Attacks From First Principles", Algorithm 1.
 * @throws {INVALID_INPUT} without a model on one side.
 */
export function liraOnline(
  { inLogits, outLogits }: ShadowLogits,
  observed: number,
  fixed?: { readonly inStd: number; readonly outStd: number },
): number {
  const within = logDensity(observed, meanOf(inLogits), fixed?.inStd ?? populationStd(inLogits));
  const without = logDensity(observed, meanOf(outLogits), fixed?.outStd ?? populationStd(outLogits));
  return within - without;
}

/**
 * LiRA with models that did not train on the row alone.
 * @returns `score`: the chance that such a model's logit lies below the observed one; `surprise`: -log of the rest, which tells apart
 * what is near 1.
 * @throws {INVALID_INPUT} without a model.
 */
export function liraOffline(
  outLogits: readonly number[],
  observed: number,
  outStd = populationStd(outLogits),
): { readonly score: number; readonly surprise: number } {
  const deviations = (observed - meanOf(outLogits)) / outStd;
  return { score: normalCdf(deviations), surprise: -Math.log(normalCdf(-deviations)) };
}

/** Standard deviation with divisor n, of one row's logits or of all rows'. */
export function populationStd(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function meanOf(values: readonly number[]): number {
  if (values.length === 0) throw new SottoError('INVALID_INPUT', 'membership: expected at least one logit, got none');
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function logDensity(value: number, mean: number, std: number): number {
  return -(((value - mean) / std) ** 2) / 2 - Math.log(std * Math.sqrt(2 * Math.PI));
}

/** @param losses - ascending */
function shareUpTo(losses: Float64Array, threshold: number): number {
  let [below, above] = [0, losses.length];
  while (below < above) {
    const middle = (below + above) >> 1;
    if (losses[middle]! <= threshold) below = middle + 1;
    else above = middle;
  }
  return below / losses.length;
}

/** Every loss once, ascending. */
function thresholdsOf(members: ArrayLike<number>, others: ArrayLike<number>): readonly number[] {
  return [...new Set([...Array.from(members), ...Array.from(others)])].toSorted((a, b) => a - b);
}
