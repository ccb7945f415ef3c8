export type { ContributeInput, Query, QueryContext } from './query.ts';
export {
  trainingQuerySchema,
  type GradientQuery,
  type TrainingQuery,
  type UpdateQuery,
} from './training-query-schema.ts';
