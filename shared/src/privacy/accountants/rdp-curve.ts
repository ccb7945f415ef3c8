import { accountsOf, gaussianOf, type AccountName } from './gaussian-event.ts';
import { gaussianRdp } from './gaussian-rdp.ts';
import type { EventCount } from '../mechanism-event.ts';
import { epsilonOfRdp } from './rdp-to-epsilon.ts';

/** One point of a curve of Rényi differential privacy, an upper bound. */
export type RdpPoint = { readonly order: number; readonly rdp: number };

/**
 * Total RDP of a sequence of releases at each order, in one account: what a reader needs to convert a statement to another
 * δ, or to add it to others'. Upper bounds, rounded up. Releases over `all` count in each account.
 *
 * @param orders - each above 1
 * @throws {UNSUPPORTED_EVENT | NO_NOISE | INVALID_INPUT} when the accountant refuses an event
 */
export function rdpCurve(events: readonly EventCount[], account: AccountName, orders: readonly number[]): RdpPoint[] {
  const releases = events
    .filter(({ event, count }) => count > 0 && accountsOf(event).includes(account))
    .map(({ event, count }) => gaussianOf(event, count));
  return orders.map((order) => {
    let rdp = 0;
    for (const { samplingRate, noiseMultiplier, count } of releases) {
      rdp += count * gaussianRdp(samplingRate, noiseMultiplier, order);
    }
    return { order, rdp };
  });
}

/**
 * ε that the best point of a curve gives, an upper bound; infinite for an empty curve.
 *
 * @param delta - in (0, 1)
 */
export function epsilonOfCurve(curve: readonly RdpPoint[], delta: number): number {
  return Math.min(...curve.map(({ order, rdp }) => epsilonOfRdp(rdp, order, delta)));
}
