import { SottoError } from '../../errors/index.ts';
import { gaussianEpsilon } from './analytic-gaussian.ts';
import { gaussianRdpCurve } from './gaussian-rdp.ts';
import type { EventCount } from '../mechanism-event.ts';
import {
  accountsOf,
  checkDelta,
  downward,
  gaussianOf,
  type AccountName,
  type GaussianReleases,
} from './gaussian-event.ts';
import { epsilonByPld } from './pld.ts';
import { epsilonOfRdp, rdpOrders } from './rdp-to-epsilon.ts';

/** Which bound gave a stated ε. Stored with it; a changed computation is a new version. */
export type Accountant = 'gaussian/1' | 'pld/2' | 'rdp/1';

/** An upper bound on ε. `order` is that of RDP, null for the others. */
export type StatedEpsilon = {
  readonly epsilon: number;
  readonly order: number | null;
  readonly accountant: Accountant;
};

/**
 * ε that a unit loses at most by all of these releases, whatever order they come in, at the floors that the events state.
 * It holds for releases fixed beforehand, like a signed plan's slots: "at most so far" of a run that may stop on what it
 * saw is a smaller promise, and sequences chosen along the way need a ledger.
 *
 * At unit = record, events over train, validation and test compose in parallel, those over `all` count in each, and the
 * result is that of the worst part: under add/remove, with parts by keyed hash of the unit's id alone, fixed before data
 * are seen (soundness.md §3). At unit = client every event counts.
 *
 * | input | ε |
 * | --- | --- |
 * | no events, or counts of 0 | 0 |
 * | z = 0 | NO_NOISE |
 * | kind, version, adjacency or noise that is not known | UNSUPPORTED_EVENT |
 * | events of both units | UNSUPPORTED_EVENT |
 *
 * @param delta - failure probability, in (0, 1)
 * @throws {INVALID_INPUT | NO_NOISE | UNSUPPORTED_EVENT} as in the table, or when a number is out of range
 */
export function epsilonOf(events: readonly EventCount[], delta: number): StatedEpsilon {
  checkDelta(delta);
  let worst: StatedEpsilon = { epsilon: 0, order: null, accountant: 'gaussian/1' };
  for (const releases of releasesByPart(events).values()) {
    const stated = epsilonOfGaussians(releases, delta);
    if (stated.epsilon > worst.epsilon) worst = stated;
  }
  return worst;
}

/** The smallest sound bound for one sequence of releases: the closed form where none is sampled, else PLD or RDP. */
export function epsilonOfGaussians(releases: readonly GaussianReleases[], delta: number): StatedEpsilon {
  const spent = releases.filter((release) => release.count > 0 && release.samplingRate > 0);
  if (spent.every((release) => release.samplingRate === 1)) {
    let muSquared = 0;
    for (const release of spent) muSquared += release.count / release.noiseMultiplier ** 2;
    return {
      epsilon: gaussianEpsilon(Math.sqrt(muSquared) * (1 + 1e-14), delta),
      order: null,
      accountant: 'gaussian/1',
    };
  }
  const numbers = spent.flatMap(({ samplingRate, noiseMultiplier, count }) => [samplingRate, noiseMultiplier, count]);
  const asked = [delta, ...numbers].join();
  const before = known.get(asked);
  if (before !== undefined) return before;
  const stated = smallestOf(spent, delta);
  const oldest = known.keys().next();
  if (known.size >= knownMax && !oldest.done) known.delete(oldest.value);
  known.set(asked, stated);
  return stated;
}

/** Answers for sampled releases: plans, cards and books ask for the same again and again, and each takes tens of milliseconds. */
const known = new Map<string, StatedEpsilon>();
const knownMax = 256;

function smallestOf(releases: readonly GaussianReleases[], delta: number): StatedEpsilon {
  const byRdp = epsilonByRdp(releases, delta);
  const byPld = epsilonByPld(joinUnsampled(releases), delta);
  if (byPld === null || byPld >= byRdp.epsilon) return byRdp;
  return { epsilon: byPld, order: null, accountant: 'pld/2' };
}

/** Puts one Gaussian in the place of all unsampled ones: 1/z² adds up, exactly. */
function joinUnsampled(releases: readonly GaussianReleases[]): GaussianReleases[] {
  const sampled = releases.filter((release) => release.samplingRate < 1);
  let muSquared = 0;
  for (const release of releases) {
    if (release.samplingRate === 1) muSquared += release.count / release.noiseMultiplier ** 2;
  }
  if (muSquared === 0) return sampled;
  return [...sampled, { samplingRate: 1, noiseMultiplier: downward / Math.sqrt(muSquared), count: 1 }];
}

/** The bound by RDP alone: the best order's. */
export function epsilonByRdp(releases: readonly GaussianReleases[], delta: number): StatedEpsilon {
  let best: StatedEpsilon = { epsilon: Infinity, order: null, accountant: 'rdp/1' };
  const curves = releases.map(({ samplingRate, noiseMultiplier, count }) =>
    gaussianRdpCurve(samplingRate, noiseMultiplier, rdpOrders).map((rdp) => count * rdp),
  );
  rdpOrders.forEach((order, index) => {
    const rdp = curves.reduce((sum, curve) => sum + (curve[index] ?? Infinity), 0);
    const epsilon = epsilonOfRdp(rdp, order, delta);
    if (epsilon < best.epsilon) best = { epsilon, order, accountant: 'rdp/1' };
  });
  return best;
}

function releasesByPart(events: readonly EventCount[]): Map<AccountName, GaussianReleases[]> {
  const parts = new Map<AccountName, GaussianReleases[]>();
  const units = new Set(events.map(({ event }) => event.unit));
  if (units.size > 1) {
    throw new SottoError(
      'UNSUPPORTED_EVENT',
      'events of unit record and of unit client: one promises less about a record than about a client, and they have no common epsilon',
    );
  }
  for (const { event, count } of events) {
    if (!Number.isInteger(count) || count < 0) {
      throw new SottoError('INVALID_INPUT', `count ${count} of ${event.query}: expected a whole number from 0 up`);
    }
    const releases = gaussianOf(event, count);
    for (const account of accountsOf(event)) parts.set(account, [...(parts.get(account) ?? []), releases]);
  }
  return parts;
}
