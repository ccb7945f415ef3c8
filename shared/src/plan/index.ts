export { thresholdsOf, type Thresholds } from './check-cohort.ts';
export { bandedSchedule, bandedTurn } from './banded-schedule.ts';
export { hidesCoin } from './client-sampling.ts';
export { clipNormFault } from './clip-norm.ts';
export { checkDataSchema } from './check-data-schema.ts';
export {
  checkPlan,
  findingText,
  requireSoundPlan,
  type PlanCheck,
  type PlanSummary,
  type SlotSummary,
} from './check-plan.ts';
export { checkPolicy, columnsRead, dataSchemaHashOf, refusalText, type Refusal } from './check-policy.ts';
export type { EpsilonCheck } from './check-privacy.ts';
export { completePlan, planDraftSchema, type PlanDraft } from './complete-plan.ts';
export {
  columnSchema,
  columnWidth,
  dataSchemaSchema,
  inputWidth,
  outputWidth,
  parseDataSchema,
  targetSchema,
  type Column,
  type DataSchema,
  type PixelsColumn,
  type Target,
} from './data-schema.ts';
export {
  groupsNeeded,
  groupsOf,
  groupSizes,
  isSummedSecretly,
  ownGroup,
  type Groups,
  type OwnGroup,
} from './groups.ts';
export { parsePlan, planHashOf } from './parse-plan.ts';
export { accountedEpsilon, eventsOf, planEpsilons, type PlanEpsilon } from './plan-epsilon.ts';
export type { PlanFinding } from './plan-finding.ts';
export {
  planSchema,
  signedPlanSchema,
  type Deadlines,
  type Disclosure,
  type EvaluationPlan,
  type Plan,
  type PlanInput,
  type PrivacyPlan,
  type RosterClient,
  type SignedPlan,
} from './plan-schema.ts';
export {
  evaluationCount,
  federationEvent,
  planSlots,
  sessionCount,
  sessionEvent,
  slotAllows,
  slotsOfRound,
  trainingChargedAtMost,
  uncharged,
  type PlanSlot,
  type SlotName,
} from './plan-slots.ts';
export { parsePolicy, policySchema, type Policy, type PolicyInput } from './policy.ts';
export { queryContext } from './query-context.ts';
export { reckonedUnits } from './reckoned-units.ts';
export { releaseFormOf } from './release-form.ts';
export { sessionHeaderFor, type SessionFacts } from './session-header.ts';
export {
  partLayers,
  remainingNoiseVariance,
  removableNoise,
  unknownNoiseShare,
  type NoiseLeft,
} from './session-noise.ts';
export { coordinatorNoiseVariance, sessionParts } from './session-parts.ts';
