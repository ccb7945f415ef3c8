export {
  attackSlopes,
  fastGradient,
  projectedGradient,
  type AttackLimits,
  type AttackNorm,
  type PgdOptions,
} from './attacks.ts';
export {
  numberInputs,
  withBlur,
  withGivenNoise,
  withMissingColumns,
  withNoise,
  withShiftedScale,
} from './corruptions.ts';
export { gaussLegendre, type Quadrature } from './gauss-legendre.ts';
export { conditionalValues, partialDependenceSums, withFeatureFrom, type RowFunction } from './global-explanations.ts';
export {
  integratedGradients,
  integratedGradientsBy,
  type IntegratedGradients,
  type IntegratedGradientsOptions,
} from './integrated-gradients.ts';
export { rowsOf } from './rows-of.ts';
export { requireWidth, scalarOutput, type ScalarOutput } from './scalar-output.ts';
export { certifyRow, predictSmoothed, smoothedCounts, type SmoothingOptions } from './smoothing.ts';
