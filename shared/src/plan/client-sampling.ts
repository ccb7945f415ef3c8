import type { Plan } from './plan-schema.ts';

/** No sampling: every unit is read, every round. */
export const everyUnit = 4_294_967_296;

/** Chance that a training unit is drawn in a round, as a numerator over 2^32: of a record, or of a client whose coin is hidden. */
export function trainingNumerator(plan: Plan): number {
  const { query } = plan.training;
  if (query.kind === 'gradient') return query.samplingNumerator;
  return query.sampling?.kind === 'hidden' ? query.sampling.samplingNumerator : everyUnit;
}

/** The plan's constant number of updates in a sum, where coins decide who takes part; null where every survivor does. */
export function expectedUpdates(plan: Plan): number | null {
  const { query } = plan.training;
  if (query.kind !== 'update' || query.sampling === undefined) return null;
  return (plan.roster.clients.length * query.sampling.samplingNumerator) / everyUnit;
}
