export { findCounterfactual, type Counterfactual, type CounterfactualOptions } from './counterfactual.ts';
export { encodeRecords, type RowRecord } from './encode-records.ts';
export { explainRow, type ExplainOptions, type Explanation } from './explain-row.ts';
export { featureSpans, schemaBaseline, singleSpans, sumOverSpans } from './features.ts';
export { gradientCounterfactual } from './gradient-counterfactual.ts';
export { decideByGroup, type GroupDecision } from './group-thresholds.ts';
export { createJudgedModel, probabilitiesOf, type JudgedModel } from './judged-model.ts';
export { occludeFeatures, occlusionMap } from './occlusion.ts';
export { predictRows, predictRowsSmoothed, type Prediction } from './predict.ts';
export { temperatureOfReport, type ReportTemperature } from './report-temperature.ts';
export {
  drawnOrders,
  exactShapley,
  exactShapleyMaxFeatures,
  permutationShapley,
  rowGame,
  type CoalitionGame,
  type SampledShapleyValues,
  type ShapleyValues,
} from './shapley.ts';
export { smoothedAnswers, type SmoothedAnswer, type SmoothOptions } from './smoothed-prediction.ts';
// What stands in the core, because devices judge by it in a federation too.
export type { FeatureSpan, ImageShape } from '@sotto/shared/model';
export {
  amountInputs,
  attackSlopes,
  certifyRow,
  fastGradient,
  integratedGradients,
  partialDependenceSums,
  predictSmoothed,
  projectedGradient,
  scalarOutput,
  smoothedCounts,
  withBlur,
  withFeatureFrom,
  withGivenNoise,
  withMissingColumns,
  withNoise,
  withShiftedScale,
  type AttackLimits,
  type AttackNorm,
  type IntegratedGradients,
  type IntegratedGradientsOptions,
  type PgdOptions,
  type RowFunction,
  type ScalarOutput,
  type SmoothingOptions,
} from '@sotto/shared/judging';
