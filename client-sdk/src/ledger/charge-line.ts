import { mechanismEventSchema } from '@sotto/shared/privacy';
import { z } from 'zod';

/** A charge as stores keep it. */
export const chargeLineSchema = z.strictObject({
  planHash: z.string(),
  round: z.int(),
  slot: z.string(),
  attempt: z.int(),
  event: mechanismEventSchema,
});
