import { z } from 'zod';
import { queryNames } from './part-spec.ts';

/**
 * One kind of release, as data: everything that an accountant, another accountant later, or a stranger with the card needs.
 * Append-only: fields and kinds are never removed or given another meaning; an accountant refuses a kind that it does not know.
 * The stated ε holds for `noiseMultiplier` at the floor: `minSurvivors` contributions, `colluding` of which are known.
 */
export const mechanismEventSchema = z.strictObject({
  kind: z.literal('sampledGaussianSum'),
  version: z.literal(1),
  unit: z.enum(['record', 'client']),
  adjacency: z.literal('addOrRemove'),
  /** Units of which part are read; parts are disjoint, so they compose in parallel (soundness.md §3). */
  part: z.enum(['train', 'validation', 'test', 'all']),
  query: z.enum(queryNames),
  /** Poisson sampling by a secret coin at each client: numerator over 2^32; 2^32 is no sampling. */
  samplingNumerator: z.int().min(1).max(4_294_967_296),
  /** z: std / clip of the noise that an adversary with `colluding` clients does not know. */
  noiseMultiplier: z.number().positive(),
  /** D: largest L2 norm of one unit's vector, in grid steps. */
  normBoundSteps: z.int().positive(),
  /** S: grid steps per root-mean-square coordinate. */
  gridStepsPerRms: z.int().positive(),
  dimension: z.int().positive(),
  /** Who adds it: the clients a share each, the coordinator, or each client all of it, so that its own contribution is a release. */
  noise: z.enum(['distributedDiscreteGaussian', 'coordinatorDiscreteGaussian', 'localDiscreteGaussian']),
  minSurvivors: z.int().positive(),
  colluding: z.int().min(0),
  /** Relative slack of the sensitivity; 0 on the exact integer path. */
  numericSlack: z.literal(0),
});
export type MechanismEvent = z.infer<typeof mechanismEventSchema>;

/** A mechanism event and how often it may happen at most, failed attempts included. */
export type EventCount = { readonly event: MechanismEvent; readonly count: number };
