import { trainingClients } from './held-out.ts';
import { periodOf } from './banded-schedule.ts';
import type { Plan } from './plan-schema.ts';

/** No sampling: every unit is read, every round. */
export const everyUnit = 4_294_967_296;

/** Chance that a training unit is drawn in a round, as a numerator over 2^32: of a record, or of a client whose coin is hidden. */
export function trainingNumerator(plan: Plan): number {
  const { query } = plan.training;
  if (query.kind === 'gradient') return query.samplingNumerator;
  return query.sampling?.kind === 'hidden' ? query.sampling.samplingNumerator : everyUnit;
}

/**
 * Whether the time of an upload could tell what a client's own coin said: such uploads leave at the plan's pace, whatever the work on the
 * data took. In every trust mode, since the other clients see when a session closes. Where nothing is promised there is nothing to hide.
 */
export function hidesCoin(plan: Plan): boolean {
  const { query } = plan.training;
  const hidden = query.kind === 'update' && query.sampling?.kind === 'hidden';
  return hidden && plan.privacy.kind === 'dp';
}

/** The plan's constant number of new updates in a sum, where coins or turns decide who makes one; null where every survivor does. */
export function expectedUpdates(plan: Plan): number | null {
  const { query } = plan.training;
  if (query.kind !== 'update' || query.sampling === undefined) return null;
  const clients = trainingClients(plan);
  return query.sampling.kind === 'hidden'
    ? (clients * query.sampling.samplingNumerator) / everyUnit
    : clients / periodOf(query.sampling, plan.training.rounds);
}
