import { SottoError } from '../errors/index.ts';
import { erfc } from '../privacy/accountants/normal-tail.ts';
import { wilsonInterval, z95, type Figure } from './interval.ts';

/** What can be said of whether there is enough of something, in the words of reports. */
export type Adequacy = 'enough' | 'not enough' | 'cannot tell';

/**
 * Whether a figure is at least (or at most) what is asked for, its interval included.
 * @param figure - null: nothing is known.
 */
export function adequacyOf(
  figure: Figure | null,
  asked: { readonly atLeast: number } | { readonly atMost: number },
): Adequacy {
  if (figure === null) return 'cannot tell';
  const [surely, never] =
    'atLeast' in asked
      ? [figure.low >= asked.atLeast, figure.high < asked.atLeast]
      : [figure.high <= asked.atMost, figure.low > asked.atMost];
  return surely ? 'enough' : never ? 'not enough' : 'cannot tell';
}

/** A share that is to be measured on units that nobody has looked at yet. */
export type PlannedShare = {
  /** What it may come to, in (0, 1): 1/2 is the worst case. */
  readonly share: number;
  /** Units that it will be measured on. */
  readonly units: number;
  /** Standard deviation of the noise in each of its two counts; 0 without. */
  readonly noiseStd: number;
};

/**
 * Half width that the share's 95 % interval will have: Wilson's and the noise's in quadrature, the noise by the delta method.
 * @throws {INVALID_INPUT} for a share outside (0, 1), or without units.
 */
export function plannedHalfWidth(planned: PlannedShare): number {
  requirePlanned(planned);
  const { share, units, noiseStd } = planned;
  const { low, high } = wilsonInterval(share * units, units);
  return Math.hypot((high - low) / 2, noiseHalfWidth(planned, share, noiseStd));
}

function noiseHalfWidth({ units }: PlannedShare, share: number, noiseStd: number): number {
  return (z95 * noiseStd * Math.hypot(1 - share, share)) / units;
}

/**
 * Chance that a test of 5 % (two-sided) tells a share from another value, noise included: of a normal approximation.
 *
 * @param against - the value that it is held against, in (0, 1): what guessing would give.
 * @see Fleiss, Levin, Paik 2003, "Statistical Methods for Rates and Proportions", §2.4 (one sample).
 * @throws {INVALID_INPUT} for a share or a value outside (0, 1), or without units.
 */
export function powerOfShare(planned: PlannedShare, against: number): number {
  requirePlanned(planned);
  requirePlanned({ ...planned, share: against });
  const { share, units } = planned;
  const deviation = (at: number): number =>
    Math.hypot(Math.sqrt((at * (1 - at)) / units), noiseHalfWidth(planned, at, planned.noiseStd) / z95);
  const [unlike, alike] = [deviation(share), deviation(against)];
  const gap = Math.abs(share - against);
  return upperTail((z95 * alike - gap) / unlike) + upperTail((z95 * alike + gap) / unlike);
}

/** Units from which on a share's interval is as narrow as asked for; null above 1e9. */
export function unitsForHalfWidth(share: number, halfWidth: number, noiseStd: number): number | null {
  return leastUnits((units) => plannedHalfWidth({ share, units, noiseStd }) <= halfWidth);
}

/** Units from which on a share is told from another value with a chance; null above 1e9. */
export function unitsForPower(share: number, against: number, power: number, noiseStd: number): number | null {
  return leastUnits((units) => powerOfShare({ share, units, noiseStd }, against) >= power);
}

const unitsMax = 1e9;

/** The least whole number that is enough, of a condition that holds from some number on. */
function leastUnits(enough: (units: number) => boolean): number | null {
  if (!enough(unitsMax)) return null;
  let [below, above] = [0, unitsMax];
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (enough(middle)) above = middle;
    else below = middle;
  }
  return above;
}

function upperTail(deviations: number): number {
  return erfc(deviations / Math.SQRT2) / 2;
}

function requirePlanned({ share, units, noiseStd }: PlannedShare): void {
  if (!(share > 0 && share < 1) || !(units > 0) || !(noiseStd >= 0)) {
    throw new SottoError(
      'INVALID_INPUT',
      `adequacy: expected a share in (0, 1) and units above 0, got ${share} of ${units} at noise ${noiseStd}`,
    );
  }
}
