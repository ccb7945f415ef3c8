import type { PartSpec } from '../privacy/index.ts';
import type { Plan } from './plan-schema.ts';

/**
 * How many units of a part the plan reckons with, from its public numbers alone: at unit = client the roster; at unit = record
 * `expectedBatch` over the sampling rate, which is about the training part, and the other parts by their shares of the split.
 * A guess, never a count. Null where the plan says nothing about it.
 */
export function reckonedUnits(plan: Plan, part: PartSpec['dataPart']): number | null {
  if (plan.unit === 'client') return plan.roster.clients.length;
  const { query } = plan.training;
  if (query.kind !== 'gradient') return null;
  const training = (query.expectedBatch * 2 ** 32) / query.samplingNumerator;
  const { validation, test } = plan.split;
  const shares = { train: 1 - validation - test, validation, test };
  return (training * shares[part]) / shares.train;
}
