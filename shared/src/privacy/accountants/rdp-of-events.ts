import { type AccountingEvent, type Neighboring, refuseEvent } from './accounting-event.ts';
import { distributedDiscreteGaussian } from './distributed-discrete-gaussian.ts';
import { bandedSensitivity } from './banded-toeplitz.ts';
import { clipsOf, sampledNoiseMultiplier } from './gaussian-equivalent.ts';
import { gaussianRdp, gaussianRdpCurve } from './gaussian-rdp.ts';
import { discreteGaussianRdp, laplaceRdp, randomizedResponseRdp, skellamRdp } from './pure-noise-rdp.ts';
import { repeatAndSelectRdp } from './repeat-and-select-rdp.ts';
import { seriesRdp } from './series-rdp.ts';
import { withoutReplacementRdp } from './without-replacement-rdp.ts';

/**
 * RDP of all events together at each order, an upper bound: orders of one event add up.
 *
 * @param events - as they were noted; those with a count of 0 cost nothing
 * @param orders - each > 1
 * @param sampled - RDP of the Poisson-sampled Gaussian by rate, noise multiplier and orders
 * @throws {UNSUPPORTED_EVENT} where no bound is known for an event under this neighbouring
 */
export function rdpOfEvents(
  events: readonly AccountingEvent[],
  neighboring: Neighboring,
  orders: readonly number[],
  sampled: SampledRdp = gaussianRdpCurve,
): number[] {
  const sums = orders.map(() => 0);
  for (const event of events) {
    const each = rdpOfOne(event, neighboring, orders, sampled);
    if (event.count === 0) continue;
    // one value for each order
    each.forEach((rdp, index) => (sums[index] = sums[index]! + event.count * rdp));
  }
  return sums;
}

type SampledRdp = (samplingRate: number, noiseMultiplier: number, orders: readonly number[]) => number[];

/** The bound that other tools compute: exact at whole orders, a series at others, which lies above. */
export const widelyUsedRdp: SampledRdp = (q, z, orders) =>
  orders.map((order) => (q === 1 || Number.isInteger(order) ? gaussianRdp(q, z, order) : seriesRdp(q, z, order)));

/** RDP of one occurrence. Checked whatever its count, so that nonsense is refused before it counts. */
function rdpOfOne(
  event: AccountingEvent,
  neighboring: Neighboring,
  orders: readonly number[],
  sampled: SampledRdp,
): number[] {
  const replaceOne = neighboring === 'replace-one';
  switch (event.type) {
    case 'gaussian':
      return gaussianCurve(event.noiseMultiplier / clipsOf(neighboring), orders);
    case 'composed':
      return rdpOfEvents(event.events, neighboring, orders, sampled);
    case 'poisson':
      return poissonCurve(event, neighboring, orders, sampled);
    case 'withoutReplacement':
      return withoutReplacementCurve(event, neighboring, orders);
    case 'laplace':
      if (replaceOne) refuseEvent(event, onlyOneSensitivity);
      return orders.map((order) => (event.noiseMultiplier === 0 ? Infinity : laplaceRdp(event.noiseMultiplier, order)));
    case 'randomizedResponse':
      if (neighboring === 'add-or-remove-one') refuseEvent(event, needsReplacement);
      return orders.map((order) =>
        randomizedResponseRdp(event.noiseParameter, event.buckets, order, neighboring === 'replace-special'),
      );
    case 'discreteGaussian':
      if (replaceOne) refuseEvent(event, onlyOneSensitivity);
      if (event.sensitivity === 0) return orders.map(() => 0);
      return orders.map((order) => discreteGaussianRdp(event.sigma, event.sensitivity, order));
    case 'zcdp':
      return orders.map((order) => event.xi + event.rho * order);
    case 'tree':
      if (neighboring !== 'replace-special') refuseEvent(event, 'needs replace-special (zero-out)');
      return gaussianCurve(event.noiseMultiplier / Math.sqrt(treeDepth(event.stepCounts)), orders);
    case 'skellam':
      if (replaceOne) refuseEvent(event, onlyOneSensitivity);
      if (event.l2Sensitivity === 0 && event.l1Sensitivity === 0) return orders.map(() => 0);
      return orders.map((order) =>
        event.variance === 0 ? Infinity : skellamRdp(event.l1Sensitivity, event.l2Sensitivity, event.variance, order),
      );
    case 'distributedDiscreteGaussian': {
      if (neighboring !== 'replace-special') refuseEvent(event, 'needs replace-special (zero-out)');
      if (event.noisyClients > event.clients)
        refuseEvent(event, `noisyClients ${event.noisyClients} of clients ${event.clients}`);
      const { rhoPerRound } = distributedDiscreteGaussian(event);
      return orders.map((order) => rhoPerRound * order);
    }
    case 'bandedToeplitz':
      return gaussianCurve(event.noiseStddevOverClip / (bandedSensitivity(event) * clipsOf(neighboring)), orders);
    case 'repeatAndSelect': {
      const { inner, mean, shape } = event;
      return repeatAndSelectRdp(orders, rdpOfEvents([inner], neighboring, orders, sampled), mean, shape);
    }
    case 'discreteLaplace':
    case 'truncatedPoisson':
    case 'epsDelta':
      return refuseEvent(event, 'has no RDP bound here; see its PLD');
  }
}

/** Why a mechanism whose event states one sensitivity has no other neighbouring. */
export const onlyOneSensitivity =
  'under replace-one the sensitivity is another: state the event with it, and the neighbouring as add-or-remove-one or replace-special';
/** Why randomized response is not about presence. */
export const needsReplacement = 'needs replace-one or replace-special: a missing unit gives no answer at all';

/** How many nodes of the largest tree one leaf is in. */
export function treeDepth(stepCounts: number | readonly number[]): number {
  const most = typeof stepCounts === 'number' ? stepCounts : Math.max(...stepCounts);
  let depth = 0;
  while (2 ** depth < most + 1) depth += 1;
  return depth;
}

function gaussianCurve(noiseMultiplier: number, orders: readonly number[]): number[] {
  return orders.map((order) => gaussianRdp(1, noiseMultiplier, order));
}

type Sampled<Kind> = Extract<AccountingEvent, { type: Kind }>;

function poissonCurve(
  event: Sampled<'poisson'>,
  neighboring: Neighboring,
  orders: readonly number[],
  sampled: SampledRdp,
): number[] {
  requirePoisson(event);
  if (neighboring === 'replace-one') {
    refuseEvent(event, 'RDP needs add-or-remove-one or replace-special; see its PLD');
  }
  const z = sampledNoiseMultiplier(event, event.inner);
  const q = event.samplingProbability;
  if (q === 0 || z === Infinity) return orders.map(() => 0);
  if (z === 0) return orders.map(() => Infinity);
  return sampled(q, z, orders);
}

function withoutReplacementCurve(
  event: Sampled<'withoutReplacement'>,
  neighboring: Neighboring,
  orders: readonly number[],
): number[] {
  if (event.sampleSize > event.datasetSize) {
    refuseEvent(event, `sampleSize ${event.sampleSize} must lie in [0, datasetSize ${event.datasetSize}]`);
  }
  if (neighboring !== 'replace-one') refuseEvent(event, 'needs replace-one');
  const z = sampledNoiseMultiplier(event, event.inner);
  const q = event.sampleSize / event.datasetSize;
  if (q === 0 || z === Infinity) return orders.map(() => 0);
  if (z === 0) return orders.map(() => Infinity);
  return q === 1 ? gaussianCurve(z, orders) : withoutReplacementRdp(q, z, orders);
}

/** @throws {UNSUPPORTED_EVENT} when the sampling that was done is no Poisson sampling */
export function requirePoisson(event: Sampled<'poisson'>): void {
  if (event.samplingDone !== 'poisson') {
    refuseEvent(event, `Sampling done is ${event.samplingDone} but accounting assumes Poisson`);
  }
}
