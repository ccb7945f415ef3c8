import { expectedUpdates } from './client-sampling.ts';
import { trainingClients } from './held-out.ts';
import { clipBitOf, type ClipBit } from '../queries/index.ts';
import type { SlotName } from '../privacy/index.ts';
import type { Plan } from './plan-schema.ts';

/** Updates in a round to one standard deviation of the noise in the sum of their clip bits. */
const clientsPerCountDeviation = 20;

/** sigma_b of the plan: its own, or a twentieth of the updates whose bits a round is expected to sum. Null without adaptive clipping. */
export function clippedCountStddevOf(plan: Plan): number | null {
  const { query } = plan.training;
  if (query.kind !== 'update' || query.adaptiveClip === undefined) return null;
  const updates = expectedUpdates(plan) ?? trainingClients(plan);
  return query.adaptiveClip.clippedCountStddev ?? updates / clientsPerCountDeviation;
}

/** How update and clip bit share a vector; null without adaptive clipping. */
export function planClipBit(plan: Plan): ClipBit | null {
  const countStddev = clippedCountStddevOf(plan);
  if (countStddev === null) return null;
  return clipBitOf(plan.privacy.kind === 'none' ? null : (plan.training.noiseMultiplier ?? null), countStddev);
}

/**
 * Why a session cannot go by that bound, or null when it can: sessions that train under adaptive clipping name one within the plan's
 * limits, others name none.
 */
export function clipNormFault(plan: Plan, slots: readonly SlotName[], clipNormL2: number | null): string | null {
  const { query } = plan.training;
  if (query.kind !== 'update' || query.adaptiveClip === undefined || !slots.includes('training')) {
    return clipNormL2 === null ? null : `a clip norm of ${clipNormL2} is named, the plan fixes its own`;
  }
  const { clipNormMin, clipNormMax } = query.adaptiveClip;
  if (clipNormL2 !== null && clipNormL2 >= clipNormMin && clipNormL2 <= clipNormMax) return null;
  return `a clip norm within [${clipNormMin}, ${clipNormMax}] is needed, got ${clipNormL2 ?? 'none'}`;
}
