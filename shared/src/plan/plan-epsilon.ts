import { epsilonOf, type EventCount } from '../privacy/index.ts';
import { planSlots, type PlanSlot } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';

/** One stated ε of a plan and the slots that it covers. */
export type PlanEpsilon = {
  /** The plan's field, below `privacy`. */
  readonly field: 'epsilon' | 'evaluationEpsilon';
  /** What the plan states; null when it states nothing. */
  readonly stated: number | null;
  readonly slots: readonly PlanSlot[];
};

/**
 * Which ε a plan has to state, and for what. At unit = record training and evaluation read disjoint parts of the units, split by
 * a keyed hash of the unit's id, so each unit is subject to one of them and each has an ε of its own (parallel composition,
 * soundness.md §3). At unit = client both read the same unit, so one ε covers everything. Empty with privacy none.
 */
export function planEpsilons(plan: Plan): readonly PlanEpsilon[] {
  if (plan.privacy.kind === 'none') return [];
  const { epsilon, evaluationEpsilon = null } = plan.privacy;
  const slots = planSlots(plan);
  if (plan.unit === 'client') return [{ field: 'epsilon', stated: epsilon, slots }];
  const covered = (name: PlanSlot['slot']) => slots.filter(({ slot }) => slot === name);
  const training: PlanEpsilon = { field: 'epsilon', stated: epsilon, slots: covered('training') };
  if (plan.evaluation === null) return [training];
  return [training, { field: 'evaluationEpsilon', stated: evaluationEpsilon, slots: covered('evaluation') }];
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
