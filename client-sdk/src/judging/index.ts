export { findCounterfactual, type Counterfactual, type CounterfactualOptions } from './counterfactual.ts';
export { encodeRecords, type RowRecord } from './encode-records.ts';
export { explainRow, type ExplainOptions, type Explanation } from './explain-row.ts';
export { featureSpans, schemaBaseline, singleSpans, sumOverSpans, type FeatureSpan } from './features.ts';
export { gradientCounterfactual } from './gradient-counterfactual.ts';
export { partialDependenceSums, withFeatureFrom, type RowFunction } from './global-explanations.ts';
export {
  integratedGradients,
  type IntegratedGradients,
  type IntegratedGradientsOptions,
} from './integrated-gradients.ts';
export { createJudgedModel, probabilitiesOf, type JudgedModel } from './judged-model.ts';
export { occludeFeatures, occlusionMap, type ImageShape } from './occlusion.ts';
export { predictRows, type Prediction } from './predict.ts';
export { scalarOutput, type ScalarOutput } from './scalar-output.ts';
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
