export { besideNoise, noiseReach, type NoiseRule } from './beside-noise.ts';
export {
  adequacyOf,
  plannedHalfWidth,
  powerOfShare,
  unitsForHalfWidth,
  unitsForPower,
  type Adequacy,
  type PlannedShare,
} from './adequacy.ts';
export {
  calibrationBins,
  calibrationFigures,
  type CalibrationBin,
  type CalibrationFigures,
  type CalibrationNoise,
} from './calibration.ts';
export { certifiedRadius, smoothedPValue, type Certificate } from './certified-radius.ts';
export { accuracyOf, aucOf, averagePrecisionOf, brierOf, predictedClass } from './classification.ts';
export { binnedSpread, clientSpread, type BinnedSpread, type ClientSpread } from './client-spread.ts';
export { differenceOfFigures, meanOfFigures, ratioOfFigures } from './combine-figures.ts';
export {
  confusionFigures,
  matrixFigures,
  type ConfusionCounts,
  type ConfusionFigures,
  type MatrixFigures,
} from './confusion.ts';
export { deltaFigure } from './delta-figure.ts';
export { driftOf, labelSkew, noisySkew, wasserstein, type Drift, type LabelSkew, type NoisySkew } from './drift.ts';
export {
  againstPrivileged,
  groupFairness,
  largestGap,
  reweighing,
  reweighingOf,
  type AgainstPrivileged,
  type FairnessOptions,
  type GroupCounts,
  type GroupFairness,
  type GroupGap,
  type GroupRates,
} from './group-fairness.ts';
export { importanceStability, type ImportanceStability, type ReleasedImportance } from './importance-stability.ts';
export {
  chanceOfPositive,
  groupThresholds,
  thresholdCriteria,
  type GroupScores,
  type GroupThreshold,
  type GroupThresholds,
  type ThresholdCriterion,
} from './group-thresholds.ts';
export {
  meanAndDeviation,
  meanInterval,
  normalQuantile,
  studentQuantile95,
  wilsonInterval,
  z95,
  type Figure,
  type MeanAndDeviation,
} from './interval.ts';
export { fitLearningCurve, type LearningCurve, type LearningPoint } from './learning-curve.ts';
export {
  binnedMoments,
  momentsOf,
  noisyMoments,
  type BinnedMoments,
  type Moments,
  type NoisyPowerSums,
  type PowerSums,
} from './moments.ts';
export {
  attackBound,
  empiricalEpsilon,
  liraOffline,
  liraOnline,
  logitScaled,
  lossAttack,
  populationStd,
  type AttackBound,
  type AttackCounts,
  type LossAttack,
  type ShadowLogits,
  type ThresholdAttack,
} from './membership.ts';
export {
  generalizationGaps,
  meanOverClients,
  type GeneralizationGaps,
  type ThreeWaySplit,
} from './participation-gap.ts';
export { batchBound, releaseAlarm, type ReleaseFacts } from './release-alarm.ts';
export { boundedMeanFigure, proportionFigure, type NoisyCounts, type NoisySum } from './noisy-ratio.ts';
export {
  calibrationOfHistogram,
  histogramAuroc,
  histogramAveragePrecision,
  scoreBin,
  scoreHistogram,
  type HistogramFigure,
  type ScoreHistogram,
} from './score-histogram.ts';
export { signedMeanFigure, type NoisySignedSum } from './signed-mean.ts';
export { noiseHalfWidthMax, shown, type Shown } from './shown.ts';
export { fitTemperature, temperatureOfHistogram } from './temperature.ts';
