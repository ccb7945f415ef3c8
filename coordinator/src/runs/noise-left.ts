import type { NoiseLeft } from '@sotto/shared/plan';
import { z } from 'zod';

/** What was taken out of a release's noise, as it is recorded; absent where nothing was. */
export const noiseLeftSchema = z.strictObject({
  clients: z.int().positive(),
  whole: z.array(z.string()).readonly(),
}) satisfies z.ZodType<NoiseLeft>;
