import { cellEdges, lossDistribution, splitMass, type LossPair } from './loss-distribution.ts';
import { erfc } from './normal-tail.ts';

/** Standard deviations kept on both sides; 1e-23 lies beyond. */
const keptStds = 10;
/** Relative error of a tail probability, its argument's rounding included. */
const tailError = 2e-14;
/** Largest loss that is still handled; e^l must be a number. */
const largestLoss = 600;

/**
 * Two mixtures of normals of one standard deviation at the centres 0, 1 and −1, whose ratio grows with x: `upper` is P,
 * `lower` is Q. Losses of a Poisson-sampled Gaussian, removal of a unit: P = (1−q)N(0,z²) + qN(1,z²), Q = N(0,z²)
 * (Zhu, Dong & Wang 2022, arXiv 2106.08567, Theorem 11). Replacement of a unit: Q = (1−q)N(0,z²) + qN(−1,z²)
 * (Doroshenko et al. 2022, arXiv 2207.04380, as dp-accounting does it; at q = 1 the Gaussian of twice the sensitivity).
 */
type MixturePair = {
  readonly z: number;
  readonly upper: readonly [number, number, number];
  readonly lower: readonly [number, number, number];
  readonly lossAt: (x: number) => number;
  /** The x at which the loss is l; −∞ where no x has so small a loss, ∞ where none has so large a one. */
  readonly placeOf: (loss: number) => number;
};

const centres = [0, 1, -1] as const;

function removePair(q: number, z: number): MixturePair {
  return {
    z,
    upper: [1 - q, q, 0],
    lower: [1, 0, 0],
    lossAt: (x) => lossAt(q, z, x),
    placeOf(loss) {
      if (q === 1) return z * z * loss + 0.5;
      const argument = Math.expm1(loss) / q;
      return argument > -1 ? z * z * Math.log1p(argument) + 0.5 : -Infinity;
    },
  };
}

function replacePair(q: number, z: number): MixturePair {
  return {
    z,
    upper: [1 - q, q, 0],
    lower: [1 - q, 0, q],
    lossAt: (x) => lossAt(q, z, x) - lossAt(q, z, -x),
    // With u = e^{x/z²} and a = q·e^{−1/2z²}: a·u² − (1−q)(e^l − 1)·u − a·e^l = 0, whose root is odd in l.
    placeOf: (loss) => z * z * (loss / 2 + Math.asinh(((1 - q) / q) * Math.exp(1 / (2 * z * z)) * Math.sinh(loss / 2))),
  };
}

/** Loss of the mixture against N(0, z²) at x: log((1−q) + q·e^{(2x−1)/2z²}). */
function lossAt(q: number, z: number, x: number): number {
  const t = (2 * x - 1) / (2 * z * z);
  if (q === 1) return t;
  return t > 30 ? Math.log(q) + t + Math.log1p(((1 - q) / q) * Math.exp(-t)) : Math.log1p(q * Math.expm1(t));
}

/** Standard deviation of one release's loss under N(0, z²), for the choice of a grid. */
export function lossStd(q: number, z: number, replace = false): number {
  let weightSum = 0;
  let sum = 0;
  let squareSum = 0;
  for (let s = -8; s <= 8; s += 1 / 32) {
    const weight = Math.exp((-s * s) / 2);
    const loss = lossAt(q, z, s * z) - (replace ? lossAt(q, z, -s * z) : 0);
    weightSum += weight;
    sum += weight * loss;
    squareSum += weight * loss * loss;
  }
  return Math.sqrt(Math.max(0, squareSum / weightSum - (sum / weightSum) ** 2));
}

/** Losses between which all but 1e-22 of both distributions lie, or null where they leave the range of doubles. */
export function lossRange(q: number, z: number, replace = false): { lowest: number; highest: number } | null {
  const pair = replace ? replacePair(q, z) : removePair(q, z);
  const lowest = pair.lossAt((replace ? -1 : 0) - keptStds * z);
  const highest = pair.lossAt(1 + keptStds * z);
  return highest < largestLoss && lowest > -largestLoss ? { lowest, highest } : null;
}

/**
 * Both directions of the Poisson-sampled Gaussian under add/remove: `remove` has P = (1−q)N(0,z²) + qN(1,z²),
 * Q = N(0,z²), `add` the two swapped. A cell's mass is split over its two ends so that P's and Q's mass in it are kept,
 * which gives a dominating pair; masses are differences of the smaller tail, so tails keep their relative accuracy.
 *
 * @param samplingRate - q in (0, 1]
 * @param noiseMultiplier - z with a {@link lossRange}
 * @param gridWidth - D > 0
 * @see Doroshenko et al. 2022, "Connect the Dots", arXiv 2207.04380; Zhu, Dong & Wang 2022 for the dominating pair
 */
export function sampledGaussianLosses(samplingRate: number, noiseMultiplier: number, gridWidth: number): Both {
  return mixtureLosses(removePair(samplingRate, noiseMultiplier), lossRange(samplingRate, noiseMultiplier), gridWidth);
}

/** The Poisson-sampled Gaussian where a unit is replaced by another: both directions are one. Parameters as above. */
export function replacedGaussianLosses(samplingRate: number, noiseMultiplier: number, gridWidth: number): LossPair {
  const range = lossRange(samplingRate, noiseMultiplier, true);
  return { remove: mixtureLosses(replacePair(samplingRate, noiseMultiplier), range, gridWidth).remove, add: null };
}

type Both = { readonly remove: LossPair['remove']; readonly add: LossPair['remove'] };

function mixtureLosses(pair: MixturePair, range: { lowest: number; highest: number } | null, gridWidth: number): Both {
  const { lowest, highest } = range ?? { lowest: Number.NaN, highest: Number.NaN };
  const edges = cellEdges(Math.floor(lowest / gridWidth), Math.ceil(highest / gridWidth));
  const last = edges.length - 1;
  const remove = new Float64Array(edges.length);
  const add = new Float64Array(edges.length);
  const used = centres.filter((_, index) => pair.upper[index]! + pair.lower[index]! > 0);
  const upper = used.map((centre) => pair.upper[centres.indexOf(centre)]!);
  const lower = used.map((centre) => pair.lower[centres.indexOf(centre)]!);
  const boundary = (loss: number) => tailsAt(pair.placeOf(loss), pair.z, used);

  // edges has at least two entries
  let left = boundary(edges[0]! * gridWidth);
  // x below every boundary has a loss below the lowest point: pessimistic on it for `remove`, infinite for `add`.
  remove[0] = weighted(upper, left.below);
  const infiniteAdd = weighted(lower, left.below) * (1 + 1e-12);
  for (let cell = 0; cell < last; cell += 1) {
    // cell + 1 ≤ last
    const low = edges[cell]! * gridWidth;
    const high = edges[cell + 1]! * gridWidth;
    const shrink = -Math.expm1(low - high);
    const right = boundary(high);
    let massP = 0;
    let massQ = 0;
    let errorP = 0;
    let errorQ = 0;
    for (let index = 0; index < used.length; index += 1) {
      // index < used.length, the length of all
      const byAbove = left.above[index]! < 0.5;
      const tail = byAbove ? left.above[index]! : right.below[index]!;
      const mass = Math.max(0, tail - (byAbove ? right.above[index]! : left.below[index]!));
      massP += upper[index]! * mass;
      massQ += lower[index]! * mass;
      errorP += upper[index]! * tailError * tail;
      errorQ += lower[index]! * tailError * tail;
    }
    // `remove`: P over Q, losses low … high. `add`: Q over P, losses −high … −low.
    const rise = Math.exp(low);
    splitMass(remove, cell, cell + 1, massP + errorP, massP - rise * massQ + errorP + rise * errorQ, shrink);
    const fall = Math.exp(-high);
    splitMass(add, last - cell - 1, last - cell, massQ + errorQ, massQ - fall * massP + errorQ + fall * errorP, shrink);
    left = right;
  }
  // Above every boundary: infinite for `remove`, below its lowest point for `add`.
  const infiniteRemove = weighted(upper, left.above) * (1 + 1e-12);
  add[0] = add[0]! + weighted(lower, left.above);
  // x is rounded relative to itself, and a loss changes by at most 2/z² with it.
  const lossError = 2e-15 * (4 + (keptStds * pair.z + 2) / (pair.z * pair.z));
  return {
    remove: lossDistribution(edges, remove, infiniteRemove, lossError),
    add: lossDistribution(edges.map((edge) => -edge).toReversed(), add, infiniteAdd, lossError),
  };
}

/** Probabilities below and above x under a normal at each centre. */
type Tails = { readonly below: readonly number[]; readonly above: readonly number[] };

function tailsAt(x: number, z: number, used: readonly number[]): Tails {
  if (x === -Infinity) return { below: used.map(() => 0), above: used.map(() => 1) };
  const scale = Math.SQRT1_2 / z;
  const below: number[] = [];
  const above: number[] = [];
  for (const centre of used) {
    const far = (x - centre) * scale;
    // The smaller tail is computed; its complement is exact enough, as it is never the difference's base.
    const tail = erfc(Math.abs(far)) / 2;
    below.push(far < 0 ? tail : 1 - tail);
    above.push(far < 0 ? 1 - tail : tail);
  }
  return { below, above };
}

function weighted(weights: readonly number[], tails: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * tails[index]!, 0);
}
