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
 * One share for each of `holders` holders, the i-th (from 0) at x = i + 1; any `threshold` rebuild the secret, fewer say
 * nothing.
 * @throws {INVALID_INPUT} when the secret is no field element or the threshold is not in [1, holders].
 */
export function dealShares(
  secret: Uint8Array,
  threshold: number,
  holders: number,
  random: RandomSource,
): readonly Uint8Array[] {
  if (!isFieldElement(secret) || !(threshold >= 1 && threshold <= holders)) {
    throw new SottoError('INVALID_INPUT', `cannot deal ${holders} shares with threshold ${threshold}`);
  }
  const coefficients = [toInteger(secret)];
  for (let i = 1; i < threshold; i++) coefficients.push(toInteger(drawFieldElement(random)));
  const shares: Uint8Array[] = [];
  for (let holder = 1; holder <= holders; holder++) {
    const x = BigInt(holder);
    let y = 0n;
    for (let i = coefficients.length - 1; i >= 0; i--) y = (y * x + coefficients[i]!) % fieldPrime;
    shares.push(toBytes(y));
  }
  return shares;
}

/**
 * Lagrange coefficients at 0 for holders at these positions; computed once and used for every secret of the responders.
 * @param positions - distinct x, each at least 1
 */
export function recoveryCoefficients(positions: readonly number[]): readonly bigint[] {
  if (new Set(positions).size !== positions.length || positions.some((x) => x < 1)) {
    throw new SottoError('INVALID_INPUT', 'share positions are distinct and at least 1');
  }
  const xs = positions.map(BigInt);
  return xs.map((own, i) => {
    let numerator = 1n;
    let denominator = 1n;
    xs.forEach((other, j) => {
      if (i === j) return;
      numerator = (numerator * other) % fieldPrime;
      denominator = (denominator * (other - own)) % fieldPrime;
    });
    return (numerator * inverse(denominator)) % fieldPrime;
  });
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
