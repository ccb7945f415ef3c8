export {
  columnSchema,
  dataSchemaSchema,
  inputWidth,
  outputWidth,
  targetSchema,
  type Column,
  type DataSchema,
  type Target,
} from './data-schema.ts';
export {
  planSchema,
  signedPlanSchema,
  suiteSchema,
  type Deadlines,
  type EvaluationPlan,
  type Plan,
  type PlanInput,
  type PrivacyPlan,
  type RosterClient,
  type SignedPlan,
  type Suite,
} from './plan-schema.ts';
