/**
 * Cumulative tables of the discrete Gaussian N_Z(0, σ²), built in integer arithmetic alone so that every platform has the
 * same table and no floating-point error enters the distribution.
 */

/** Bits of a cumulative probability: rounding moves the distribution by less than 2^-113 in total variation. */
export const cumulativeBits = 128n;

const certain = 1n << cumulativeBits;

/** Fixed-point fraction bits while building; the recurrences below lose fewer than 40 of them. */
const workBits = 256n;
const one = 1n << workBits;

/** Tail beyond 13.6 σ is below 2^-132. */
const tailStds = 13.6;

/** A sampling table of one σ. */
export type GaussianTable = {
  /** The value that index 0 stands for; index i stands for `lowest + i`. */
  readonly lowest: number;
  /** F_i = 2^128·P(X ≤ lowest + i), rounded; the last is 2^128. */
  readonly cumulative: readonly bigint[];
  /** The upper 32 bits of each F_i; 2^32 − 1 for the last. */
  readonly upperWords: Uint32Array;
  /** For each upper half-word h of a draw the first index whose F reaches h·2^112. */
  readonly guide: Uint16Array;
};

/**
 * exp(−numerator/denominator) in fixed point with 256 fraction bits, by its Taylor series.
 *
 * @param numerator - ≥ 0
 * @param denominator - > numerator, so that the terms fall
 */
function expNegative(numerator: bigint, denominator: bigint): bigint {
  let term = one;
  let sum = one;
  for (let n = 1n; term !== 0n; n += 1n) {
    term = (term * numerator) / (denominator * n);
    sum += n % 2n === 1n ? -term : term;
  }
  return sum;
}

/**
 * Builds the table of N_Z(0, variance).
 *
 * @param variance - in steps², in [16, 2^20], so that variance·2^48 is a whole number and indices fit 16 bits
 */
export function buildGaussianTable(variance: number): GaussianTable {
  // Exact: a double of at least 16 is a multiple of 2^-48.
  const scaled = BigInt(variance * 2 ** 48);
  const reach = Math.ceil(tailStds * Math.sqrt(variance));
  // ρ(k) = exp(−k²/2v) by ρ(k+1) = ρ(k)·r(k), r(k+1) = r(k)·exp(−1/v), r(0) = exp(−1/2v).
  const weights: bigint[] = [one];
  let ratio = expNegative(1n << 48n, 2n * scaled);
  const ratioOfRatios = expNegative(1n << 48n, scaled);
  let weight = one;
  for (let k = 1; k <= reach; k += 1) {
    weight = (weight * ratio) >> workBits;
    ratio = (ratio * ratioOfRatios) >> workBits;
    weights.push(weight);
  }
  const total = weights.reduce((sum, value) => sum + 2n * value, -one);
  const size = 2 * reach + 1;
  const cumulative: bigint[] = [];
  const upperWords = new Uint32Array(size);
  const guide = new Uint16Array(65_536);
  let sum = 0n;
  let nextHalfWord = 0;
  for (let index = 0; index < size; index += 1) {
    // |index − reach| ≤ reach
    sum += weights[Math.abs(index - reach)]!;
    const last = index === size - 1;
    const value = last ? certain : ((sum << cumulativeBits) + total / 2n) / total;
    cumulative.push(value);
    upperWords[index] = value === certain ? 0xffff_ffff : Number(value >> (cumulativeBits - 32n));
    while (nextHalfWord < 65_536 && (last || BigInt(nextHalfWord) << (cumulativeBits - 16n) < value)) {
      guide[nextHalfWord] = index;
      nextHalfWord += 1;
    }
  }
  return { lowest: -reach, cumulative, upperWords, guide };
}
