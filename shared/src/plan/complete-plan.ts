import { z } from 'zod';
import { isSottoError, SottoError } from '../errors/index.ts';
import { calibrateNoiseMultiplier, type SlotName } from '../privacy/index.ts';
import { parseStrictly } from './parse-strictly.ts';
import { parsePlan } from './parse-plan.ts';
import { accountedEpsilon, epsilonFieldOf, planEpsilons, type PlanEpsilon } from './plan-epsilon.ts';
import { planSlots, slotPath, slotSettings, slotsOf, withSlotNoise } from './plan-slots.ts';
import { dpPrivacySchema, planSchema, privacyNoneSchema, type Plan } from './plan-schema.ts';

/** A plan of which ε or the noise multipliers may be missing. */
export const planDraftSchema = planSchema.extend({
  privacy: z.discriminatedUnion('kind', [dpPrivacySchema.partial({ epsilon: true }), privacyNoneSchema]),
});
export type PlanDraft = z.input<typeof planDraftSchema>;

/**
 * The plan of a draft: a missing noise multiplier is calibrated to the stated ε, a missing ε is accounted from the noise
 * multiplier, both rounded to the careful side. What the draft states is kept; whether it is enough is `checkPlan`'s matter.
 * Noise that survivors do not need is taken out where that changes anything, unless the draft says `kept`.
 * At unit = client, where one ε covers training and evaluation, slots without a noise multiplier get the same.
 *
 * @throws {PLAN_INVALID} when the draft is malformed, or gives neither ε nor noise.
 */
export function completePlan(draft: unknown): Plan {
  const parsed = withRemovableNoise(parseStrictly(planDraftSchema, draft, 'plan', 'PLAN_INVALID'));
  if (parsed.privacy.kind === 'none') return parsePlan(parsed);
  const { delta, epsilon } = parsed.privacy;
  // Placeholders give the events their form; each is replaced, or the draft refused, below.
  const missing = slotsOf(parsed).filter((slot) => slotSettings(parsed, slot)?.noiseMultiplier === undefined);
  let plan = withNoise({ ...parsed, privacy: { ...parsed.privacy, epsilon: epsilon ?? 1 } }, missing, 1);
  for (const group of planEpsilons(plan)) {
    const stated = group.field === 'epsilon' ? (epsilon ?? null) : group.stated;
    let open = group.slots.map(({ slot }) => slot).filter((slot) => missing.includes(slot));
    plan = withShares(plan, group, open, stated, delta);
    open = open.filter((slot) => !takesShare(plan, slot));
    if (open.length === 0) {
      if (stated === null) plan = withEpsilon(plan, group.field, epsilonUp(group, delta));
    } else if (stated === null) {
      throw new SottoError(
        'PLAN_INVALID',
        `plan.${slotPath(open[0]!)}.noiseMultiplier: needed, because plan.privacy.${group.field} is missing too; give one of them`,
      );
    } else {
      plan = withNoise(plan, open, calibrated(plan, group, open, stated, delta));
    }
  }
  return parsePlan(plan);
}

function withRemovableNoise(draft: z.output<typeof planDraftSchema>): z.output<typeof planDraftSchema> {
  const { cohort, privacy, roster, trust } = draft;
  const shared = trust === 'secure' && privacy.kind === 'dp' && cohort.minSurvivors < roster.clients.length;
  return shared && cohort.noise === undefined ? { ...draft, cohort: { ...cohort, noise: 'removable' } } : draft;
}

/** The smallest noise multiplier of the open slots that keeps the group within ε, to the careful side. */
function calibrated(plan: Plan, group: PlanEpsilon, open: readonly SlotName[], epsilon: number, delta: number): number {
  const [only] = group.slots;
  if (group.slots.length === 1 && only !== undefined && only.event !== null && only.events.length === 1) {
    try {
      return calibrateNoiseMultiplier(only.event, only.count, epsilon, delta);
    } catch (error) {
      if (!isSottoError(error, 'INVALID_INPUT')) throw error;
      throw new SottoError('PLAN_INVALID', `plan.privacy.${group.field}: ${error.message}`);
    }
  }
  const epsilonAt = (noiseMultiplier: number): number => {
    const tried = planEpsilons(withNoise(plan, open, noiseMultiplier)).find(({ field }) => field === group.field);
    return accountedEpsilon(tried?.slots ?? [], delta).epsilon;
  };
  let high = 1;
  while (epsilonAt(high) > epsilon) {
    high *= 2;
    if (high > noiseMax) {
      throw new SottoError(
        'PLAN_INVALID',
        `plan.privacy.${group.field}: epsilon ${epsilon} is out of reach: noiseMultiplier ${noiseMax} gives ${epsilonAt(noiseMax)}; lower plan.training.rounds or plan.spareAttempts, or raise delta ${delta}`,
      );
    }
  }
  let low = 0;
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    // Too little noise for any accountant counts as too much ε.
    if (middle < 0.05 || epsilonAt(middle) > epsilon) low = middle;
    else high = middle;
  }
  return high;
}

/** Largest noise multiplier that the schema takes. */
const noiseMax = 1e6;

/** ε of a group's slots, rounded up to six digits. */
function epsilonUp(group: PlanEpsilon, delta: number): number {
  const { epsilon } = accountedEpsilon(group.slots, delta);
  const rounded = Number(epsilon.toPrecision(6));
  return rounded >= epsilon ? rounded : Number((epsilon * (1 + 1e-5)).toPrecision(6));
}

function withEpsilon(plan: Plan, field: PlanEpsilon['field'], epsilon: number): Plan {
  return plan.privacy.kind === 'none' ? plan : { ...plan, privacy: { ...plan.privacy, [field]: epsilon } };
}

function withNoise(plan: Plan, slots: readonly SlotName[], noiseMultiplier: number): Plan {
  return slots.reduce((noisy, slot) => withSlotNoise(noisy, slot, noiseMultiplier), plan);
}

/** Whether a slot without noise is given a share of the ε in which it counts, rather than what training and evaluation leave. */
function takesShare(plan: Plan, slot: SlotName): boolean {
  const alone = slot === 'report' && epsilonFieldOf(plan, slot) === 'reportEpsilon';
  return !alone && slot !== 'training' && slot !== 'evaluation';
}

/** Gives each open slot of a group that takes a share the noise at which its own releases alone come to that share of the stated ε. */
function withShares(
  plan: Plan,
  group: PlanEpsilon,
  open: readonly SlotName[],
  stated: number | null,
  delta: number,
): Plan {
  return open
    .filter((slot) => takesShare(plan, slot))
    .reduce((noisy, slot) => {
      if (stated === null) {
        throw new SottoError(
          'PLAN_INVALID',
          `plan.${slotPath(slot)}.noiseMultiplier: needed, because plan.privacy.${group.field} is missing too; give one of them`,
        );
      }
      const share = stated * (slotSettings(plan, slot)?.budgetShare ?? 0);
      const alone = planSlots(noisy).filter((candidate) => candidate.slot === slot);
      return withNoise(noisy, [slot], calibrated(noisy, { ...group, slots: alone }, [slot], share, delta));
    }, plan);
}
