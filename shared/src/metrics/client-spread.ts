import { SottoError } from '../errors/index.ts';
import { deltaFigure } from './delta-figure.ts';
import type { Figure } from './interval.ts';

/** How evenly clients are served: of one figure a client, for example its accuracy. */
export type ClientSpread = {
  readonly mean: number;
  /** Divisor n. */
  readonly variance: number;
  /** Mean of the tenth with the smallest values, at least one client. */
  readonly worstDecile: number;
  readonly bestDecile: number;
  /** Jain's index (Σx)² / (n Σx²): 1 where all are equal, 1/n where one has everything. Null where all are 0. */
  readonly jain: number | null;
};

/**
 * Spread over clients.
 * @param values - one a client, not negative.
 * @see Jain, Chiu, Hawe 1984 (the index); Li, Sanjabi, Beirami, Smith 2020 (variance and deciles over clients).
 * @throws {INVALID_INPUT} without a value, or with one that is negative or not finite.
 */
export function clientSpread(values: readonly number[]): ClientSpread {
  const n = values.length;
  const broken = values.find((value) => !(value >= 0 && value < Infinity));
  if (n === 0 || broken !== undefined) {
    throw new SottoError('INVALID_INPUT', `spread: expected values of 0 or more, got ${broken ?? 'none'}`);
  }
  const sorted = [...values].sort((a, b) => a - b);
  const sum = (some: readonly number[]): number => some.reduce((total, value) => total + value, 0);
  const tenth = Math.max(1, Math.floor(n / 10));
  const mean = sum(values) / n;
  const squares = sum(values.map((value) => value * value));
  return {
    mean,
    variance: sum(values.map((value) => (value - mean) ** 2)) / n,
    worstDecile: sum(sorted.slice(0, tenth)) / tenth,
    bestDecile: sum(sorted.slice(-tenth)) / tenth,
    jain: squares === 0 ? null : sum(values) ** 2 / (n * squares),
  };
}

/** The same from a released histogram of clients; null where the counts cannot tell. */
export type BinnedSpread = {
  readonly mean: Figure | null;
  readonly variance: Figure | null;
  readonly worstDecile: Figure | null;
  readonly jain: Figure | null;
  /** Largest error of mean and worst decile by binning: half a bin. */
  readonly binning: number;
};

/**
 * Spread over clients from a histogram of their values over [0, 1], each client counting as the middle of its bin.
 *
 * @param counts - clients in each of equally wide bins, exact or noisy, [bins].
 * @param noiseStd - standard deviation of the noise in each count.
 */
export function binnedSpread(counts: ArrayLike<number>, noiseStd = 0): BinnedSpread {
  const bins = counts.length;
  const middle = (bin: number): number => (bin + 0.5) / bins;
  const moment = (cells: Float64Array, power: number): number => {
    let [sum, total] = [0, 0];
    for (let bin = 0; bin < bins; bin++) {
      sum += cells[bin]! * middle(bin) ** power;
      total += cells[bin]!;
    }
    return total > 0 ? sum / total : NaN;
  };
  const unit = { low: 0, high: 1 };
  return {
    mean: deltaFigure(counts, noiseStd, (cells) => moment(cells, 1), unit),
    variance: deltaFigure(counts, noiseStd, (cells) => moment(cells, 2) - moment(cells, 1) ** 2, unit),
    worstDecile: deltaFigure(counts, noiseStd, (cells) => lowestTenth(cells, middle), unit),
    jain: deltaFigure(counts, noiseStd, (cells) => moment(cells, 1) ** 2 / moment(cells, 2), unit),
    binning: 0.5 / bins,
  };
}

/** Mean of the lowest tenth of clients, counted in parts of one; counts below 0 as none. */
function lowestTenth(cells: Float64Array, middle: (bin: number) => number): number {
  const tenth = cells.reduce((sum, count) => sum + Math.max(0, count), 0) / 10;
  let [left, sum] = [tenth, 0];
  for (let bin = 0; bin < cells.length && left > 0; bin++) {
    const taken = Math.min(left, Math.max(0, cells[bin]!));
    sum += taken * middle(bin);
    left -= taken;
  }
  return sum / tenth;
}
