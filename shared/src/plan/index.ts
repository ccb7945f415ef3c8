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
export { parsePlan, planHashOf } from './parse-plan.ts';
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
export { evaluationCount, planSlots, sessionCount, slotsOfRound, type PlanSlot, type SlotName } from './plan-slots.ts';
export { queryContext } from './query-context.ts';
export { sessionHeaderFor, type SessionFacts } from './session-header.ts';
export { coordinatorNoiseVariance, releaseNoiseVariance, sessionParts } from './session-parts.ts';
