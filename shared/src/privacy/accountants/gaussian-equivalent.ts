import { type AccountingEvent, type Neighboring, refuseEvent } from './accounting-event.ts';

/**
 * μ² = Σ count/z² of events that are nothing but Gaussians on the same data: together they are one Gaussian of noise
 * multiplier 1/μ (McMahan et al. 2018, arXiv 1812.06210, §3). Sensitivities are those of add-or-remove-one.
 *
 * @returns μ², Infinity without noise, or null where another mechanism is among them
 */
export function gaussianMuSquared(event: AccountingEvent): number | null {
  if (event.type === 'gaussian') return event.count === 0 ? 0 : event.count / event.noiseMultiplier ** 2;
  if (event.type !== 'composed') return null;
  let sum = 0;
  for (const inner of event.events) {
    const muSquared = gaussianMuSquared(inner);
    if (muSquared === null) return null;
    sum += muSquared;
  }
  return event.count === 0 ? 0 : event.count * sum;
}

/** The same for what is sampled, as a noise multiplier: 0 without noise, Infinity for nothing. */
export function sampledNoiseMultiplier(event: AccountingEvent, inner: AccountingEvent): number {
  const muSquared = gaussianMuSquared(inner);
  if (muSquared === null) refuseEvent(event, `of ${inner.type}: only Gaussians are known inside`);
  return 1 / Math.sqrt(muSquared);
}

/** How many clips one unit moves a sum by. */
export function clipsOf(neighboring: Neighboring): 1 | 2 {
  return neighboring === 'replace-one' ? 2 : 1;
}
