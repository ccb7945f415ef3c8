import { z } from 'zod';
import { thresholdCriteria } from '../metrics/index.ts';
import { attributeColumnsSchema } from './attributes.ts';

/** Thresholds by group as a file: of a report's suggestion, for predictions. */
export const thresholdFileSchema = z.strictObject({
  kind: z.literal('sotto-thresholds'),
  version: z.literal(1),
  /** SHA-256 of the weights of the model that they were found for; absent: nobody has said. */
  modelHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** By which columns a row is put into its group. */
  columns: attributeColumnsSchema.min(1),
  criterion: z.enum(thresholdCriteria),
  groups: z
    .array(
      z.strictObject({
        group: z.string().min(1).max(500),
        /** A row is predicted positive with the sum of the chances that its score reaches; together 1 at most. */
        thresholds: z
          .array(z.strictObject({ atLeast: z.number().min(0).max(1), chance: z.number().min(0).max(1) }))
          .max(10)
          .refine(
            (all) => all.reduce((sum, { chance }) => sum + chance, 0) <= 1 + 1e-9,
            'chances add up to more than 1',
          ),
      }),
    )
    .min(2)
    .max(256),
});
export type ThresholdFile = z.infer<typeof thresholdFileSchema>;
