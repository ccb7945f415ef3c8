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
  type PlanRule,
  type PlanSummary,
  type SlotSummary,
} from './check-plan.ts';
export { checkThresholds } from './check-report.ts';
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
export { clientsThatTrain, isHeldOut, trainingClients } from './held-out.ts';
export { descriptionOfMetadata, modelMetadata, type ModelDescription } from './model-description.ts';
export { parsePlan, planHashOf } from './parse-plan.ts';
export { inputColumns } from './input-columns.ts';
export {
  accountedEpsilon,
  epsilonFieldOf,
  epsilonFields,
  eventsOf,
  planEpsilons,
  type EpsilonField,
  type PlanEpsilon,
} from './plan-epsilon.ts';
export type { PlanFinding, PlanReport } from './plan-finding.ts';
export {
  planSchema,
  signedPlanSchema,
  type Deadlines,
  type Disclosure,
  type EvaluationPlan,
  type Plan,
  type PlanInput,
  type PrivacyPlan,
  type ReportPlan,
  type RosterClient,
  type SignedPlan,
  type SurveyPlan,
  type Threshold,
} from './plan-schema.ts';
export {
  bookedSlots,
  evaluationCount,
  federationEvent,
  firstRound,
  lastRound,
  plannedReleases,
  planSlots,
  sessionCount,
  sessionEvent,
  slotAllows,
  slotPath,
  slotsOf,
  slotsOfRound,
  trainingChargedAtMost,
  uncharged,
  type PlanSlot,
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
