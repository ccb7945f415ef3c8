import { epsilonOf, type EventCount, type SlotName } from '../privacy/index.ts';
import { planSlots, type PlanSlot } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';

/** The fields that state an ε, below `plan.privacy`. */
export const epsilonFields = ['epsilon', 'evaluationEpsilon', 'reportEpsilon'] as const;
export type EpsilonField = (typeof epsilonFields)[number];

/** One stated ε of a plan and the slots that it covers. */
export type PlanEpsilon = {
  /** The plan's field, below `privacy`. */
  readonly field: EpsilonField;
  /** What the plan states; null when it states nothing. */
  readonly stated: number | null;
  readonly slots: readonly PlanSlot[];
};

/**
 * Which ε a plan has to state, and for what. At unit = record training, evaluation and report read disjoint parts of the units, split by
 * a keyed hash of the unit's id, so each unit is subject to one of them and each has an ε of its own (parallel composition,
 * soundness.md §3); slots that read the same part share its ε. Where evaluation and report read one part, the evaluation's covers both.
 * At unit = client all read the same unit, so one ε covers everything. Empty with privacy none.
 */
export function planEpsilons(plan: Plan): readonly PlanEpsilon[] {
  if (plan.privacy.kind === 'none') return [];
  const { privacy } = plan;
  const slots = planSlots(plan);
  return epsilonFields.flatMap((field) => {
    const covered = slots.filter(({ slot }) => epsilonFieldOf(plan, slot) === field);
    return covered.length === 0 ? [] : [{ field, stated: privacy[field] ?? null, slots: covered }];
  });
}

/** The stated ε in which a slot counts. */
export function epsilonFieldOf(plan: Plan, slot: SlotName): EpsilonField {
  if (plan.unit === 'client') return 'epsilon';
  if (slot === 'evaluation') return 'evaluationEpsilon';
  if (slot !== 'report') return 'epsilon';
  return plan.evaluation !== null && plan.evaluation.part === plan.report?.part ? 'evaluationEpsilon' : 'reportEpsilon';
}

/** The events of slots as the accountant takes them. */
export function eventsOf(slots: readonly PlanSlot[]): readonly EventCount[] {
  return slots.flatMap(({ events }) => events);
}

/** Plans whose accounting is remembered: a plan is completed, checked and held against a policy in one go. */
const accountedKept = 16;
const accounted = new Map<string, ReturnType<typeof epsilonOf>>();

/** ε of all of a plan's slots under one stated ε, at their floors, with the accountant that says so. */
export function accountedEpsilon(slots: readonly PlanSlot[], delta: number): ReturnType<typeof epsilonOf> {
  const events = eventsOf(slots);
  const key = JSON.stringify([events, delta]);
  const known = accounted.get(key);
  if (known !== undefined) return known;
  const stated = epsilonOf(events, delta);
  const [oldest] = accounted.keys();
  if (oldest !== undefined && accounted.size >= accountedKept) accounted.delete(oldest);
  accounted.set(key, stated);
  return stated;
}
