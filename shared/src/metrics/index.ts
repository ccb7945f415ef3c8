export { accuracyOf, aucOf, predictedClass } from './classification.ts';
export {
  meanAndDeviation,
  meanInterval,
  studentQuantile95,
  wilsonInterval,
  z95,
  type Figure,
  type MeanAndDeviation,
} from './interval.ts';
export { batchBound, releaseAlarm, type ReleaseFacts } from './release-alarm.ts';
export { boundedMeanFigure, proportionFigure, type NoisyCounts, type NoisySum } from './noisy-ratio.ts';
