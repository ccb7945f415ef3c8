export { clipBitOf, type ClipBit } from './adaptive-clip.ts';
export { createUpdateMemory, type BandedTurn, type UpdateMemory } from './banded-update.ts';
export { concludeEvaluation, type EvaluationRelease } from './conclude-evaluation.ts';
export { concludeTraining } from './conclude-training.ts';
export { releasedImportance, type AttributionFigures } from './measures/attributions.ts';
export type { DependenceFigures } from './measures/dependence.ts';
export type { PermutationFigures } from './measures/permutation.ts';
export { contributeSession, noiseAlone, type SessionContribution } from './contribute-session.ts';
export { removeLayers, type NoiseLayers } from './layered-noise.ts';
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
  type MeasureFigures,
  type MeasuresSlot,
} from './measures/measures-query.ts';
export type { PerformanceFigures } from './measures/performance.ts';
export { queries, queryByName } from './query-by-name.ts';
export type { ContributeInput, MeasureSettings, Query, QueryContext } from './query.ts';
export { splitParts } from './split-parts.ts';
export {
  trainingQuerySchema,
  type AdaptiveClip,
  type ClientSampling,
  type GradientQuery,
  type TrainingQuery,
  type UpdateQuery,
} from './training-query-schema.ts';
