export { attributeName, groupingBy, type Attribute, type AttributeColumns, type Grouping } from './attributes.ts';
export { clipBitOf, type ClipBit } from './adaptive-clip.ts';
export { createUpdateMemory, type BandedTurn, type UpdateMemory } from './banded-update.ts';
export { concludeEvaluation, type EvaluationFigures, type EvaluationRelease } from './conclude-evaluation.ts';
export { concludeTraining } from './conclude-training.ts';
export { releasedImportance, type AttributionFigures } from './measures/attributions.ts';
export type { DependenceFigures } from './measures/dependence.ts';
export type { PermutationFigures } from './measures/permutation.ts';
export { contributeSession, noiseAlone, type SessionContribution } from './contribute-session.ts';
export { dataPartsRead, passesOver } from './data-parts.ts';
export { removeLayers, type NoiseLayers } from './layered-noise.ts';
export { figurePath, figurePathsOf } from './measures/figure-paths.ts';
export { conclusionOf } from './measures/conclusion-list.ts';
export { measureOf, measureSettingsSchema, type MeasureSettingsOf } from './measures/measure-list.ts';
export type {
  Measure,
  MeasureInput,
  MeasureProblem,
  MeasureReport,
  MeasureSegment,
  MeasureSums,
  NamedFigure,
} from './measures/measure.ts';
export {
  concludeMeasures,
  isMeasuresSlot,
  measureSums,
  stepsOfOne,
  type MeasureFigures,
  type MeasuresSlot,
} from './measures/measures-query.ts';
export type { ColumnFigures, ColumnsFigures } from './measures/columns.ts';
export type { ClientLabels, LabelFigures } from './measures/labels.ts';
export type { ClientFigures } from './measures/clients.ts';
export type { AttributeFairness, FairnessFigures, FairnessGroup } from './measures/fairness.ts';
export type { GroupLabelFigures, LabelledGroup } from './measures/group-labels.ts';
export { membershipOfReleases, type LossHistogram, type MembershipReport } from './measures/membership.ts';
export type { PerformanceFigures } from './measures/performance.ts';
export { driftOfReports, type HistogramDrift, type ReportDrift } from './measures/report-drift.ts';
export { stopReason, type StopBelow } from './measures/stop-below.ts';
export { queries, queryByName } from './query-by-name.ts';
export type { ContributeInput, HeldOut, MeasureSettings, Query, QueryContext } from './query.ts';
export { rowWeightProblems, rowWeightsSchema, type RowWeights } from './row-weights.ts';
export { splitParts } from './split-parts.ts';
export { thresholdFileSchema, type ThresholdFile } from './threshold-file.ts';
export {
  trainingQuerySchema,
  type AdaptiveClip,
  type ClientSampling,
  type GradientQuery,
  type TrainingQuery,
  type UpdateQuery,
} from './training-query-schema.ts';
