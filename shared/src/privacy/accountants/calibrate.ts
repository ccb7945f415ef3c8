import { SottoError } from '../../errors/index.ts';
import { epsilonByRdp, epsilonOf } from './accountant.ts';
import { checkDelta, gaussianOf } from './gaussian-event.ts';
import { minNoiseStdSteps } from '../grid.ts';
import type { MechanismEvent } from '../mechanism-event.ts';

/** The plan schema's largest noise multiplier. */
const largestNoiseMultiplier = 1e6;

/**
 * The smallest noise multiplier of four significant digits, rounded up, at which `count` of these events cost at most ε
 * by {@link epsilonOf}. It is stored in the plan, never computed again.
 *
 * | input | result |
 * | --- | --- |
 * | count 0 | the least noise that the grid allows: 4 steps a share |
 * | ε that not even z = 1e6 reaches | INVALID_INPUT with the ε that it does reach |
 * | ε ≤ 0 or not a number | INVALID_INPUT |
 *
 * @param event - the event; its own noiseMultiplier is not read
 * @param count - how often it happens at most, failed attempts included
 * @param epsilon - > 0
 * @param delta - in (0, 1)
 * @throws {INVALID_INPUT | UNSUPPORTED_EVENT} as in the table and as {@link epsilonOf}
 */
export function calibrateNoiseMultiplier(event: MechanismEvent, count: number, epsilon: number, delta: number): number {
  if (!(epsilon > 0) || !Number.isFinite(epsilon)) {
    throw new SottoError('INVALID_INPUT', `epsilon ${epsilon}: expected a finite number above 0`);
  }
  checkDelta(delta);
  const at = (rank: number) => ({ ...event, noiseMultiplier: numberOfRank(rank) });
  const keeps = (rank: number) => epsilonOf([{ event: at(rank), count }], delta).epsilon <= epsilon;
  const keepsByRdp = (rank: number) => epsilonByRdp([gaussianOf(at(rank), count)], delta).epsilon <= epsilon;
  const shares = event.noise === 'distributedDiscreteGaussian' ? event.minSurvivors - event.colluding : 1;
  const least = rankAtLeast((minNoiseStdSteps * Math.sqrt(shares) * (1 + 1e-12)) / event.normBoundSteps);
  const most = rankAtLeast(largestNoiseMultiplier);
  if (keeps(least)) return numberOfRank(least);
  if (!keeps(most)) {
    const reached = epsilonOf([{ event: at(most), count }], delta).epsilon;
    throw new SottoError(
      'INVALID_INPUT',
      `epsilon ${epsilon} is out of reach: noiseMultiplier 1e6 gives ${reached}; lower the count ${count} or the sampling rate, or raise delta ${delta}`,
    );
  }
  // The quick bound first: the true answer lies below it, and seldom by more than a third.
  const quick = keepsByRdp(most) ? leastKeeping(least, most, keepsByRdp) : most;
  let low = least;
  let high = quick;
  for (let stride = 256; high - stride > least; stride *= 2) {
    if (!keeps(quick - stride)) {
      low = quick - stride;
      break;
    }
    high = quick - stride;
  }
  return numberOfRank(leastKeeping(low, high, keeps));
}

/** The least rank in (low, high] that keeps, where low does not and high does. */
function leastKeeping(low: number, high: number, keeps: (rank: number) => boolean): number {
  let under = low;
  let over = high;
  while (over - under > 1) {
    const middle = Math.floor((under + over) / 2);
    if (keeps(middle)) over = middle;
    else under = middle;
  }
  return over;
}

/** Numbers of four significant digits in their order: rank 9000·e + (m − 1000) is m·10^e, m in 1000 … 9999. */
function numberOfRank(rank: number): number {
  const exponent = Math.floor(rank / 9_000);
  return Number(`${rank - 9_000 * exponent + 1_000}e${exponent}`);
}

function rankAtLeast(value: number): number {
  let rank = 9_000 * (Math.floor(Math.log10(value)) - 4);
  let above = rank + 27_000;
  while (above - rank > 1) {
    const middle = Math.floor((rank + above) / 2);
    if (numberOfRank(middle) >= value) above = middle;
    else rank = middle;
  }
  return above;
}
