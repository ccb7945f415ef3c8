import type { Evaluation, RecentRound } from '../lib/run-types.ts';

/** Range of the accuracy axis: tenths that hold every interval, at least 0.3 long, so that noise is not drawn as drama. */
export function rateDomain(evaluations: readonly Evaluation[]): [number, number] {
  const figures = evaluations.flatMap((evaluation) => (evaluation.accuracy ? [evaluation.accuracy] : []));
  if (figures.length === 0) return [0, 1];
  let low = Math.floor(Math.min(...figures.map((figure) => figure.low)) * 10) / 10;
  let high = Math.ceil(Math.max(...figures.map((figure) => figure.high)) * 10) / 10;
  while (high - low < 0.3 - 1e-9) {
    if (high < 1) high += 0.1;
    else low -= 0.1;
    if (high - low < 0.3 - 1e-9 && low > 0) low -= 0.1;
  }
  return [Math.max(0, round1(low)), Math.min(1, round1(high))];
}

/** Four to seven ticks of a range in tenths, all with as many decimals as the finest of them needs. */
export function rateTicks([low, high]: readonly [number, number]): string[] {
  const step = high - low > 0.65 ? 0.2 : high - low > 0.35 ? 0.1 : 0.05;
  const count = Math.floor((high - low) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => (high - index * step).toFixed(step < 0.1 ? 2 : 1)).reverse();
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Top of the seconds axis: a round number above the slowest session, never 0. */
export function secondsTop(rounds: readonly RecentRound[]): number {
  const slowest = rounds.reduce((most, round) => Math.max(most, round.seconds), 0);
  if (slowest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(slowest));
  const step = [1, 2, 4, 5, 10].find((factor) => factor * power >= slowest) ?? 10;
  return step * power;
}

/** Index of the entry nearest to a position, by binary search over ascending positions. */
export function nearestIndex(positions: readonly number[], at: number): number {
  let low = 0;
  let high = positions.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const here = positions[middle] ?? 0;
    const next = positions[middle + 1] ?? Infinity;
    if (Math.abs(here - at) <= Math.abs(next - at)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Ticks of a count of rounds: whole numbers, the last one always among them, none crowding it. */
export function roundTicks(last: number, wanted: number): number[] {
  const rough = Math.max(1, last / Math.max(1, wanted));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power);
  const whole = Math.max(1, Math.round(step));
  const ticks: number[] = [];
  for (let tick = 0; tick < last; tick += whole) ticks.push(tick);
  const previous = ticks.at(-1);
  if (previous !== undefined && ticks.length > 1 && last - previous < whole / 2) ticks.pop();
  ticks.push(last);
  return ticks;
}
