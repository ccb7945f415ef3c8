/**
 * Kinds of release, in the order in which they ride in a session: what is asked about the data before the first round (`survey`), the
 * round's update, how the published model does on the units that trained it (`fit`) and on others, and what the report says of the final
 * model, by both.
 */
export const slotNames = ['survey', 'training', 'fit', 'evaluation', 'trainReport', 'report'] as const;
export type SlotName = (typeof slotNames)[number];

/** Every query that a slot can be asked by. */
export const queryNames = ['gradient', 'update', 'evaluation', 'survey', 'trainReport', 'report'] as const;
export type QueryName = (typeof queryNames)[number];

/**
 * One query's part of a session's vector, in the terms of the integer grid. Both sides compute it from the signed plan
 * (`plan/session-parts.ts`), so nothing in it is taken from the coordinator.
 */
export type PartSpec = {
  readonly slot: SlotName;
  readonly query: QueryName;
  readonly dataPart: 'train' | 'validation' | 'test';
  /** d: number of coordinates. */
  readonly dimension: number;
  /** C: L2 bound on one unit's real vector. */
  readonly clipNormL2: number;
  /** γ = C / (S √d): the real value of one grid step. */
  readonly gridStep: number;
  /** D = ⌊S √d⌋: the bound on one unit's vector in steps; D² ≤ 2^53. */
  readonly normBoundSteps: number;
  /** v: variance, in steps², of the discrete Gaussian that each client adds to each coordinate; 0 for none. */
  readonly noiseVarianceSteps: number;
  /**
   * L: a client's sum of a coordinate is clamped to [-L, L] before noise, so that the sum over all clients and its noise fit
   * into 32 bits. Clamping brings two vectors never further apart, so a unit's influence stays at most D.
   */
  readonly sumLimitSteps: number;
  /** Sampling rate's numerator over 2^32. */
  readonly samplingNumerator: number;
};

/** S: grid steps per root-mean-square coordinate. */
export const gridStepsPerRms = 1_024;
