import { z } from 'zod';

/** Joint DP-SGD's one step (unit = record): every client samples its own units by a secret coin. */
export const gradientQuerySchema = z.strictObject({
  kind: z.literal('gradient'),
  /** Sampling rate q as a numerator over 2^32; 2^32 takes every unit. */
  samplingNumerator: z.int().min(1).max(4_294_967_296),
  /** L2 bound on one unit's summed gradient. */
  clipNormL2: z.number().positive().max(1e6),
  /** Public denominator B of the step: a plan constant, never the batch's or the data's true size. */
  expectedBatch: z.number().positive().max(1e9),
});

/** FedAvg's model delta after local epochs (unit = client). */
export const updateQuerySchema = z.strictObject({
  kind: z.literal('update'),
  /** L2 bound on the client's whole delta. */
  clipNormL2: z.number().positive().max(1e6),
  localEpochs: z.int().min(1).max(1_000),
  batchSize: z.int().min(1).max(65_536),
  learningRate: z.number().positive().max(1_000),
  /** FedProx's mu; 0 is FedAvg. */
  proximal: z.number().min(0).max(1_000).default(0),
});

export const trainingQuerySchema = z.discriminatedUnion('kind', [gradientQuerySchema, updateQuerySchema]);
export type GradientQuery = z.infer<typeof gradientQuerySchema>;
export type UpdateQuery = z.infer<typeof updateQuerySchema>;
export type TrainingQuery = z.infer<typeof trainingQuerySchema>;
