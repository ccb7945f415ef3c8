import { z } from 'zod';

/** Released figures that are averaged before the rule looks at them, this one included: where noise moves each by itself. */
const smoothing = z.int().min(1).max(100).default(1);

/** What is watched: the clipped loss, or 1 - accuracy. */
const figure = z.enum(['loss', 'accuracy']).default('loss');

/** When a run ends its training before its last round, by what its evaluations have released. */
export const earlyStoppingSchema = z.discriminatedUnion('rule', [
  /** After so many evaluations in a row of which none was better than the best by more than minDelta. */
  z.strictObject({
    rule: z.literal('patience'),
    patience: z.int().min(1).max(10_000),
    minDelta: z.number().min(0).max(100).default(0),
    figure,
    smoothing,
  }),
  /** When the figure is this many percent above the best so far. */
  z.strictObject({
    rule: z.literal('generalizationLoss'),
    threshold: z.number().positive().max(10_000).default(5),
    figure,
    smoothing,
  }),
  /** When that percentage passes so many times the progress of training, in thousandths over the last `strip` evaluations. */
  z.strictObject({
    rule: z.literal('progressQuotient'),
    threshold: z.number().positive().max(10_000).default(0.5),
    strip: z.int().min(2).max(1_000).default(5),
    figure,
    smoothing,
  }),
]);
export type EarlyStoppingConfig = z.infer<typeof earlyStoppingSchema>;
