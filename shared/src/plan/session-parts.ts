import { SottoError } from '../errors/index.ts';
import { minNoiseStdSteps, noiseVarianceSteps, type PartSpec, type SlotName } from '../privacy/index.ts';
import { isSummedSecretly } from './groups.ts';
import { slotEvent, slotPath, slotShape, type SlotShape } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';

/** Largest magnitude of a sum: sums are read as signed 32-bit integers. */
export const sumMaxSteps = 2 ** 31 - 1;

/**
 * How many standard deviations of the noise the proof that no sum wraps leaves room for. A discrete Gaussian is sub-Gaussian
 * (Canonne, Kamath, Steinke 2020), so it passes 16 with probability below 2·exp(-128) < 1e-55 a coordinate; a wrap would harm the figure,
 * never the guarantee.
 */
export const noiseDeviations = 16;

/**
 * The parts of a session's vector, in order. Both sides compute them from the signed plan alone.
 *
 * Each client adds to each coordinate discrete Gaussian noise of variance v = z²D² / (minSurvivors - colluding), so that what
 * is left after `colluding` of the fewest survivors have pooled what they know is z·D (soundness.md §2.3); in `grouped` mode that is
 * so in each group's sum. In `local` mode, where
 * the coordinator sees each contribution, each client adds all of it, v = z²D²; in `trusted` mode the coordinator adds it instead
 * ({@link coordinatorNoiseVariance}).
 *
 * @throws {PLAN_INVALID} when a slot has no or too little noise, or when the sums cannot fit into 32 bits.
 */
export function sessionParts(plan: Plan, slots: readonly SlotName[]): PartSpec[] {
  return slots.map((slot) => partOf(plan, slotShape(plan, slot)));
}

/**
 * Variance z²D², in steps², of the discrete Gaussian noise that the coordinator adds to each coordinate of a part's sum:
 * in `trusted` mode with differential privacy; 0 otherwise.
 */
export function coordinatorNoiseVariance(plan: Plan, part: PartSpec): number {
  return plan.trust === 'trusted' ? noiseVarianceOf(plan, slotShape(plan, part.slot)) : 0;
}

/** Variance, in steps², of the noise in each coordinate of a released sum: every survivor's, and the coordinator's. */
export function releaseNoiseVariance(plan: Plan, part: PartSpec, survivors: number): number {
  return survivors * part.noiseVarianceSteps + coordinatorNoiseVariance(plan, part);
}

function partOf(plan: Plan, shape: SlotShape): PartSpec {
  const { part, ...rest } = shape;
  const clients = plan.roster.clients.length;
  const variance = noiseVarianceOf(plan, shape);
  const trusted = plan.trust === 'trusted';
  return {
    ...rest,
    dataPart: part,
    noiseVarianceSteps: trusted ? 0 : variance,
    sumLimitSteps: sumLimit(shape, clients, trusted ? variance : clients * variance),
  };
}

/** Variance of the noise that each party which adds noise adds: every client, or in `trusted` mode the coordinator. */
function noiseVarianceOf(plan: Plan, shape: SlotShape): number {
  if (plan.privacy.kind === 'none') return 0;
  const { minSurvivors, colluding } = plan.cohort;
  if (colluding >= minSurvivors) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.cohort.colluding: expected less than minSurvivors ${minSurvivors}, got ${colluding}`,
    );
  }
  const event = slotEvent(plan, shape);
  const shares = isSummedSecretly(plan) ? minSurvivors - colluding : 1;
  const shareSteps = (event.noiseMultiplier * shape.normBoundSteps) / Math.sqrt(shares);
  if (!(shareSteps >= minNoiseStdSteps)) {
    const needed = (minNoiseStdSteps * Math.sqrt(shares)) / shape.normBoundSteps;
    throw new SottoError(
      'PLAN_INVALID',
      `plan.${slotPath(shape.slot)}.noiseMultiplier: each share of the noise needs a standard deviation of at least ${minNoiseStdSteps} grid steps, ` +
        `got ${shareSteps.toPrecision(3)}; raise the noise multiplier to ${needed.toPrecision(3)} or more, or lower minSurvivors`,
    );
  }
  return noiseVarianceSteps(event);
}

/**
 * L = ⌊(2^31 - 1 - 16·σ) / clients⌋ with σ the deviation of all noise together: clients·L + 16·σ < 2^31, whatever the clients
 * hold; the sum of all groups' sums fits then as well, and each of them the more. A client clamps each coordinate of its own sum to [-L, L]. Clamping is a projection onto a box, which never brings two
 * vectors further apart, so removing a unit changes the clamped sum by at most D as well: unlike dropping units beyond a cap,
 * where one unit's presence decides about another, it costs no privacy and needs no event of its own.
 */
function sumLimit(shape: SlotShape, clients: number, sumVariance: number): number {
  const noiseBound = Math.ceil(noiseDeviations * Math.sqrt(sumVariance));
  const limit = Math.floor((sumMaxSteps - noiseBound) / clients);
  if (limit < shape.normBoundSteps) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.${slotPath(shape.slot)}: the sum of ${clients} clients and noise up to ${noiseBound} steps leave each client ${Math.max(0, limit)} ` +
        `steps of 2^31, but one unit may need ${shape.normBoundSteps}; lower the noise multiplier, the model's size or the number of clients`,
    );
  }
  return limit;
}
