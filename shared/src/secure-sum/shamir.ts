import { SottoError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';

/**
 * Shamir's scheme over the prime field 2^255 − 19, for secrets that are uniform field elements, 32 bytes little-endian.
 * BigInt arithmetic is not constant time: it runs on fresh random secrets only, used in one session.
 * @see Shamir 1979, "How to share a secret"
 */
export const fieldPrime = 2n ** 255n - 19n;

/** A uniform field element, 32 bytes little-endian, by rejection. */
export function drawFieldElement(random: RandomSource): Uint8Array {
  for (;;) {
    const bytes = random.bytes(32);
    bytes[31]! &= 0x7f;
    if (isFieldElement(bytes)) return bytes;
  }
}

/** Whether bytes are the one encoding of a field element. */
export function isFieldElement(bytes: Uint8Array): boolean {
  return bytes.length === 32 && toInteger(bytes) < fieldPrime;
}

/**
 * One share for each holder; any `threshold` rebuild the secret, fewer say nothing.
 * @param positions - the holders' x, distinct integers from 1
 * @throws {INVALID_INPUT} when the secret is no field element or the threshold is not in [1, holders].
 */
export function dealShares(
  secret: Uint8Array,
  threshold: number,
  positions: readonly number[],
  random: RandomSource,
): readonly Uint8Array[] {
  if (!isFieldElement(secret) || !(threshold >= 1 && threshold <= positions.length)) {
    throw new SottoError('INVALID_INPUT', `cannot deal ${positions.length} shares with threshold ${threshold}`);
  }
  const coefficients = [toInteger(secret)];
  for (let i = 1; i < threshold; i++) coefficients.push(toInteger(drawFieldElement(random)));
  const shares: Uint8Array[] = [];
  for (const position of positions) {
    const x = BigInt(position);
    let y = 0n;
    for (let i = coefficients.length - 1; i >= 0; i--) y = (y * x + coefficients[i]!) % fieldPrime;
    shares.push(toBytes(y));
  }
  return shares;
}

/**
 * Lagrange coefficients at 0 for holders at these positions; computed once and used for every secret of the responders.
 * ∏ x_j / (x_j − x_i) over j ≠ i, as ∏ x_j over all j divided by x_i ∏ (x_j − x_i): one inverse for all of them.
 * @param positions - distinct x, each an integer in [1, 10^6]
 * @see Montgomery 1987 §10.3.1 for the inverses
 */
export function recoveryCoefficients(positions: readonly number[]): readonly bigint[] {
  if (new Set(positions).size !== positions.length || positions.some((x) => x < 1 || x > 1e6)) {
    throw new SottoError('INVALID_INPUT', 'share positions are distinct and at least 1');
  }
  const numerator = product(positions);
  const denominators = positions.map(
    (own, i) => (BigInt(own) * product(positions.map((other, j) => (i === j ? 1 : other - own)))) % fieldPrime,
  );
  const before: bigint[] = [];
  let all = 1n;
  for (const denominator of denominators) {
    before.push(all);
    all = (all * denominator) % fieldPrime;
  }
  let rest = inverse(all);
  const coefficients: bigint[] = [];
  for (let i = denominators.length - 1; i >= 0; i--) {
    const coefficient = (((numerator * rest) % fieldPrime) * before[i]!) % fieldPrime;
    coefficients.push(coefficient < 0n ? coefficient + fieldPrime : coefficient);
    rest = (rest * denominators[i]!) % fieldPrime;
  }
  return coefficients.reverse();
}

/** The product of integers below 10^6 in size: as plain numbers while they are exact. In (−p, p). */
function product(factors: readonly number[]): bigint {
  let [large, small] = [1n, 1];
  for (const factor of factors) {
    if (Math.abs(small) > 9e9) {
      large = (large * BigInt(small)) % fieldPrime;
      small = 1;
    }
    small *= factor;
  }
  return (large * BigInt(small)) % fieldPrime;
}

/** The secret, from the shares in the order of the coefficients' positions. */
export function recoverSecret(coefficients: readonly bigint[], shares: readonly Uint8Array[]): Uint8Array {
  let secret = 0n;
  for (let i = 0; i < coefficients.length; i++) secret += coefficients[i]! * toInteger(shares[i]!);
  return toBytes(secret % fieldPrime);
}

function inverse(value: bigint): bigint {
  let [a, b] = [((value % fieldPrime) + fieldPrime) % fieldPrime, fieldPrime];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % fieldPrime) + fieldPrime) % fieldPrime;
}

function toInteger(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (
    view.getBigUint64(0, true) |
    (view.getBigUint64(8, true) << 64n) |
    (view.getBigUint64(16, true) << 128n) |
    (view.getBigUint64(24, true) << 192n)
  );
}

function toBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
  return bytes;
}
