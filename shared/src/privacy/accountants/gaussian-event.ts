import { SottoError } from '../../errors/index.ts';
import { noiseVarianceSteps } from '../grid.ts';
import type { MechanismEvent } from '../mechanism-event.ts';

/** Releases of the dominating continuous Gaussian: `count` of them at noise multiplier z on a Poisson sample of rate q. */
export type GaussianReleases = {
  readonly samplingRate: number;
  readonly noiseMultiplier: number;
  readonly count: number;
};

/** What lowers z by rounding in z·D, v = z²D²/m and the square root: far more than all of them. */
export const downward = 1 - 1e-12;

/**
 * z_eff = √(z²D² − 4)/D, rounded down: the release is post-processing of a continuous Gaussian with this noise
 * multiplier, sampled or not, in any dimension (soundness.md §2.3.5–6). δ grows by less than 1e-20.
 *
 * @throws {UNSUPPORTED_EVENT} when the event is of a kind or version that is not known here
 * @throws {NO_NOISE} when z is 0
 * @throws {INVALID_INPUT} when a number is out of range or a noise share has less than 4 steps
 */
export function effectiveNoiseMultiplier(event: MechanismEvent): number {
  checkEvent(event);
  const stdSteps = event.noiseMultiplier * event.normBoundSteps;
  return (Math.sqrt(stdSteps * stdSteps - 4) / event.normBoundSteps) * downward;
}

/** Parts whose unit a release can tell something about; `client` where a client is the unit. */
export type AccountName = 'train' | 'validation' | 'test' | 'client';

/** In which accounts an event counts. */
export function accountsOf(event: MechanismEvent): readonly AccountName[] {
  if (event.unit === 'client') return ['client'];
  return event.part === 'all' ? ['train', 'validation', 'test'] : [event.part];
}

/** What an event is to the accountants. @throws as {@link effectiveNoiseMultiplier} */
export function gaussianOf(event: MechanismEvent, count: number): GaussianReleases {
  return {
    samplingRate: event.samplingNumerator / 2 ** 32,
    noiseMultiplier: effectiveNoiseMultiplier(event),
    count,
  };
}

/** @throws {INVALID_INPUT} when δ is not in (0, 1) */
export function checkDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw new SottoError('INVALID_INPUT', `delta ${delta}: delta must be in (0,1)`);
}

/** Refuses whatever is not exactly what the proofs are about. Events come from plans and stores, so types are no shield. */
function checkEvent(event: MechanismEvent): void {
  const known =
    event.kind === 'sampledGaussianSum' &&
    event.version === 1 &&
    event.adjacency === 'addOrRemove' &&
    (event.unit === 'record' || event.unit === 'client') &&
    ['train', 'validation', 'test', 'all'].includes(event.part) &&
    ['distributedDiscreteGaussian', 'coordinatorDiscreteGaussian', 'localDiscreteGaussian'].includes(event.noise) &&
    event.numericSlack === 0;
  if (!known) {
    const { kind, version, unit, adjacency, part, noise, numericSlack } = event;
    const named = JSON.stringify({ kind, version, unit, adjacency, part, noise, numericSlack });
    throw new SottoError('UNSUPPORTED_EVENT', `mechanism event ${named}: not known to this accountant`);
  }
  if (event.noiseMultiplier === 0) {
    throw new SottoError(
      'NO_NOISE',
      'No noise: epsilon is infinite. Set noiseMultiplier > 0 or turn differential privacy off explicitly.',
    );
  }
  requireRange('noiseMultiplier', event.noiseMultiplier, Number.MIN_VALUE, Number.MAX_VALUE);
  for (const field of ['normBoundSteps', 'minSurvivors', 'dimension', 'gridStepsPerRms'] as const) {
    requireRange(field, event[field], 1, Number.MAX_SAFE_INTEGER, true);
  }
  requireRange('colluding', event.colluding, 0, event.minSurvivors - 1, true);
  requireRange('samplingNumerator', event.samplingNumerator, 1, 2 ** 32, true);
  // Throws below 4 steps a share.
  noiseVarianceSteps(event);
}

function requireRange(field: string, value: number, least: number, most: number, whole = false): void {
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    const kind = whole ? 'a whole number' : 'a number';
    throw new SottoError('INVALID_INPUT', `${field} ${value}: expected ${kind} in [${least}, ${most}]`);
  }
}
