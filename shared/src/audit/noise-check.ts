import { SottoError } from '../errors/index.ts';

/** One statistic of a noise check: near 0 when the noise is right, `limit` is passed about once in 10,000 right checks. */
export type NoiseStatistic = {
  readonly name: 'mean' | 'standard deviation' | 'chi-square' | 'Kolmogorov-Smirnov';
  readonly value: number;
  readonly limit: number;
};

/** Noise as it came through the door, held against the distribution that the accountant counts with. */
export type NoiseCheck = {
  readonly draws: number;
  readonly expectedStd: number;
  readonly std: number;
  /** std / expectedStd − 1: −0.01 is a shortage of 1 %. */
  readonly stdError: number;
  readonly statistics: readonly NoiseStatistic[];
  /** Statistics beyond their limit; empty when nothing is wrong. */
  readonly failed: readonly NoiseStatistic['name'][];
};

/** Fewest draws for which the statistics are near their limiting distributions. */
const drawsMin = 10_000;
/** Bins of the chi-square test in one standard deviation. */
const binsPerStd = 16;
/** Cells of the cumulative table in one standard deviation, where a cell is more than one integer. */
const cellsPerStd = 500;
const reachStds = 14;

/**
 * Compares draws with N_Z(0, v), P(x) ∝ e^{−x²/2v}: mean and standard deviation (in standard errors), chi-square over bins of a
 * sixteenth of σ within 4 σ and the tails ((χ² − k)/√2k), and Kolmogorov and Smirnov's largest distance of the cumulative
 * distributions (times √n).
 *
 * At 10^6 draws the standard deviation is known to 0.07 %, so a shortage of 1 % is 14 standard errors.
 *
 * @param values - independent draws, at least 10,000
 * @param varianceSteps - v in steps², σ ≥ 1
 * @throws {INVALID_INPUT} for too few draws or a variance below 1
 */
export function checkNoise(values: Int32Array, varianceSteps: number): NoiseCheck {
  const draws = values.length;
  const expectedStd = Math.sqrt(varianceSteps);
  if (draws < drawsMin || !(expectedStd >= 1 && expectedStd < 2 ** 31)) {
    throw new SottoError(
      'INVALID_INPUT',
      `noise check of ${draws} draws at variance ${varianceSteps}: expected at least ${drawsMin} draws and a variance of 1 to 2^62`,
    );
  }
  let sum = 0;
  let squareSum = 0;
  for (const value of values) {
    sum += value;
    squareSum += value * value;
  }
  // The mean that is planned is 0, so squares are taken around it.
  const std = Math.sqrt(squareSum / draws);
  const { chiSquare, distance } = shapeOf(values, expectedStd);
  const statistics: NoiseStatistic[] = [
    { name: 'mean', value: sum / (expectedStd * Math.sqrt(draws)), limit: 4 },
    { name: 'standard deviation', value: ((std / expectedStd) ** 2 - 1) * Math.sqrt(draws / 2), limit: 4 },
    { name: 'chi-square', value: chiSquare, limit: 4 },
    { name: 'Kolmogorov-Smirnov', value: distance, limit: 2.2 },
  ];
  return {
    draws,
    expectedStd,
    std,
    stdError: std / expectedStd - 1,
    statistics,
    failed: statistics.filter(({ value, limit }) => !(Math.abs(value) <= limit)).map(({ name }) => name),
  };
}

/** Chi-square score and √n times the largest distance of the cumulative distributions. */
function shapeOf(values: Int32Array, std: number): { chiSquare: number; distance: number } {
  const draws = values.length;
  // An odd number of integers a cell, so that its middle is one; mass = width × density at the middle, to (width/σ)²/24.
  const width = 2 * Math.floor(std / cellsPerStd / 2) + 1;
  const reach = Math.ceil((reachStds * std) / width);
  const cells = 2 * reach + 1;
  const masses = Float64Array.from({ length: cells }, (_, cell) =>
    Math.exp(-(((cell - reach) * width) ** 2) / (2 * std * std)),
  );
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  const counts = new Float64Array(cells);
  for (const value of values) {
    const cell = Math.round(value / width) + reach;
    // Beyond 14 σ nothing comes in the age of the universe, and all that does is counted at the end.
    const inside = Math.max(0, Math.min(cells - 1, cell));
    counts[inside] = counts[inside]! + 1;
  }
  let distance = 0;
  let seen = 0;
  let below = 0;
  for (let cell = 0; cell < cells; cell += 1) {
    seen += counts[cell]!;
    below += masses[cell]! / total;
    distance = Math.max(distance, Math.abs(seen / draws - below));
  }
  return {
    chiSquare: chiSquareScore(counts, masses, total, std / width, reach),
    distance: distance * Math.sqrt(draws),
  };
}

/** (χ² − k)/√2k over bins of σ/16 within 4 σ and one bin for each tail. */
function chiSquareScore(
  counts: Float64Array,
  masses: Float64Array,
  total: number,
  stdCells: number,
  reach: number,
): number {
  const draws = counts.reduce((sum, count) => sum + count, 0);
  const cellsPerBin = Math.max(1, Math.round(stdCells / binsPerStd));
  const bins = Math.max(1, Math.floor((4 * stdCells) / cellsPerBin));
  const observed = new Float64Array(2 * bins + 1);
  const expected = new Float64Array(2 * bins + 1);
  for (let cell = 0; cell < counts.length; cell += 1) {
    // The tails go to the outermost bins.
    const bin = Math.max(0, Math.min(2 * bins, Math.round((cell - reach) / cellsPerBin) + bins));
    observed[bin] = observed[bin]! + counts[cell]!;
    expected[bin] = expected[bin]! + (masses[cell]! / total) * draws;
  }
  let chiSquare = 0;
  for (let bin = 0; bin < observed.length; bin += 1)
    chiSquare += (observed[bin]! - expected[bin]!) ** 2 / expected[bin]!;
  const freedom = observed.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}
