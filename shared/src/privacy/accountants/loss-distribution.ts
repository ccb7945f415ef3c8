import { erfc } from './normal-tail.ts';

/**
 * The privacy loss of one release on a grid: masses of the loss log(P/Q) under P, moved to grid points so that the pair
 * it stands for dominates the true one (connect-the-dots). Sums may pass 1 by rounding, which is upward too.
 */
export type LossDistribution = {
  /** Index of the first mass; index k is the loss k·gridWidth. */
  readonly first: number;
  /** Logarithm of each mass; −∞ where there is none. */
  readonly logMasses: Float64Array;
  /** Mass of an infinite loss. */
  readonly infinite: number;
  /** How far rounding may have put a loss below its true value. */
  readonly lossError: number;
};

/** Standard deviations kept on both sides; 1e-23 lies beyond. */
const keptStds = 10;
/** Relative error of a tail probability, its argument's rounding included. */
const tailError = 2e-14;

/** Largest loss that is still handled; e^l must be a number. */
const largestLoss = 600;

/** Loss of the mixture against N(0, z²) at x: log((1−q) + q·e^{(2x−1)/2z²}). */
function lossAt(q: number, z: number, x: number): number {
  const t = (2 * x - 1) / (2 * z * z);
  return t > 30 ? Math.log(q) + t + Math.log1p(((1 - q) / q) * Math.exp(-t)) : Math.log1p(q * Math.expm1(t));
}

/** Standard deviation of one release's loss under N(0, z²), for the choice of a grid. */
export function lossStd(q: number, z: number): number {
  let weightSum = 0;
  let sum = 0;
  let squareSum = 0;
  for (let s = -8; s <= 8; s += 1 / 32) {
    const weight = Math.exp((-s * s) / 2);
    const loss = lossAt(q, z, s * z);
    weightSum += weight;
    sum += weight * loss;
    squareSum += weight * loss * loss;
  }
  return Math.sqrt(Math.max(0, squareSum / weightSum - (sum / weightSum) ** 2));
}

/** Losses between which all but 1e-22 of both distributions lie, or null where they leave the range of doubles. */
export function lossRange(q: number, z: number): { lowest: number; highest: number } | null {
  const lowest = lossAt(q, z, -keptStds * z);
  const highest = lossAt(q, z, 1 + keptStds * z);
  return highest < largestLoss && lowest > -largestLoss ? { lowest, highest } : null;
}

/**
 * Both directions of the Poisson-sampled Gaussian: `remove` has P = (1−q)N(0,z²) + qN(1,z²), Q = N(0,z²), `add` the two
 * swapped. A cell's mass is split over its two ends so that P's and Q's mass in it are kept, which gives a dominating
 * pair; both masses are differences of the smaller tail, so tails keep their relative accuracy.
 *
 * @param samplingRate - q in (0, 1]
 * @param noiseMultiplier - z with a {@link lossRange}
 * @param gridWidth - D > 0
 * @see Doroshenko et al. 2022, "Connect the Dots", arXiv 2207.04380; Zhu, Dong & Wang 2022 for the dominating pair
 */
export function sampledGaussianLosses(
  samplingRate: number,
  noiseMultiplier: number,
  gridWidth: number,
): { remove: LossDistribution; add: LossDistribution } {
  const q = samplingRate;
  const z = noiseMultiplier;
  const range = lossRange(q, z) ?? { lowest: Number.NaN, highest: Number.NaN };
  const first = Math.floor(range.lowest / gridWidth);
  const points = Math.ceil(range.highest / gridWidth) - first + 1;
  const remove = new Float64Array(points);
  const add = new Float64Array(points);
  const shrink = -Math.expm1(-gridWidth);

  let left = boundaryAt(q, z, first * gridWidth);
  // x below every boundary has a loss below the lowest point: pessimistic on it for `remove`, infinite for `add`.
  remove[0] = (1 - q) * left.below0 + q * left.below1;
  const infiniteAdd = left.below0 * (1 + 1e-12);
  for (let cell = 0; cell + 1 < points; cell += 1) {
    const lower = (first + cell) * gridWidth;
    const upper = (first + cell + 1) * gridWidth;
    const right = boundaryAt(q, z, upper);
    const mass0 = massBetween(left, right, 'below0', 'above0');
    const mass1 = massBetween(left, right, 'below1', 'above1');
    const mixed = (1 - q) * mass0 + q * mass1;
    const error0 = tailError * smallerTail(left.above0, right.below0);
    const error1 = tailError * smallerTail(left.above1, right.below1);
    const mixedError = (1 - q) * error0 + q * error1;
    // `remove`: P is the mixture, losses lower … upper. `add`: P is N(0, z²), losses −upper … −lower.
    const rise = Math.exp(lower);
    split(remove, cell, cell + 1, mixed + mixedError, mixed - rise * mass0 + mixedError + rise * error0, shrink);
    const fall = Math.exp(-upper);
    split(
      add,
      points - 1 - (cell + 1),
      points - 1 - cell,
      mass0 + error0,
      mass0 - fall * mixed + error0 + fall * mixedError,
      shrink,
    );
    left = right;
  }
  // Above every boundary: infinite for `remove`, below its lowest point for `add`.
  const infiniteRemove = ((1 - q) * left.above0 + q * left.above1) * (1 + 1e-12);
  add[0] = add[0]! + left.above0;
  // x is rounded relative to itself, and a loss changes by at most 1/z² with it.
  const lossError = 1e-15 * (4 + (keptStds * z + 2) / (z * z));
  return {
    remove: { first, logMasses: remove.map((mass) => Math.log(mass)), infinite: infiniteRemove, lossError },
    add: {
      first: -(first + points - 1),
      logMasses: add.map((mass) => Math.log(mass)),
      infinite: infiniteAdd,
      lossError,
    },
  };
}

/** Probabilities below and above a boundary under N(0, z²) and N(1, z²). */
type Boundary = { readonly below0: number; readonly above0: number; readonly below1: number; readonly above1: number };

/** The x at which the loss is l: z²·log((e^l − (1−q))/q) + 1/2; −∞ where no x has so small a loss. */
function boundaryAt(q: number, z: number, loss: number): Boundary {
  const argument = Math.expm1(loss) / q;
  if (!(argument > -1)) return { below0: 0, above0: 1, below1: 0, above1: 1 };
  const x = z * z * Math.log1p(argument) + 0.5;
  const scale = Math.SQRT1_2 / z;
  return {
    below0: erfc(-x * scale) / 2,
    above0: erfc(x * scale) / 2,
    below1: erfc((1 - x) * scale) / 2,
    above1: erfc((x - 1) * scale) / 2,
  };
}

function massBetween(left: Boundary, right: Boundary, below: 'below0' | 'below1', above: 'above0' | 'above1'): number {
  const mass = left[above] < 0.5 ? left[above] - right[above] : right[below] - left[below];
  return Math.max(0, mass);
}

/** The larger of the two numbers that a mass was the difference of. */
function smallerTail(leftAbove: number, rightBelow: number): number {
  return leftAbove < 0.5 ? leftAbove : rightBelow;
}

/** Puts `mass` on two neighbouring points, `excess`/(1−e^{−D}) of it on the upper one. */
function split(masses: Float64Array, low: number, high: number, mass: number, excess: number, shrink: number): void {
  const onHigh = Math.min(mass, Math.max(0, excess / shrink));
  // Both are indices of the grid.
  masses[high] = masses[high]! + onHigh;
  masses[low] = masses[low]! + (mass - onHigh);
}
