export {
  attackSlopes,
  fastGradient,
  pgdStepSize,
  projectedGradient,
  type AttackLimits,
  type AttackNorm,
  type PgdOptions,
} from './attacks.ts';
export { withBlur, withGivenNoise, withMissingColumns, withNoise, withShiftedScale } from './corruptions.ts';
export { gaussLegendre, type Quadrature } from './gauss-legendre.ts';
export { conditionalValues, partialDependenceSums, withFeatureFrom, type RowFunction } from './global-explanations.ts';
export { amountInputs, inputRanges, type InputRange, type InputRanges } from './input-ranges.ts';
export {
  integratedGradients,
  integratedGradientsBy,
  type IntegratedGradients,
  type IntegratedGradientsOptions,
} from './integrated-gradients.ts';
export { logitClass } from './logit-class.ts';
export { normalDraws } from './normal-draws.ts';
export { epsilonFault, perturbationFault, type PerturbationFault } from './perturbation-faults.ts';
export { rowsOf } from './rows-of.ts';
export { requireWidth, scalarOutput, type ScalarOutput } from './scalar-output.ts';
export { certifyRow, predictSmoothed, smoothedClass, smoothedCounts, type SmoothingOptions } from './smoothing.ts';
