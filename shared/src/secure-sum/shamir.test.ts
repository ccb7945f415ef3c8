import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeededRandom, shuffle } from '../random/index.ts';
import {
  dealShares,
  drawFieldElement,
  fieldPrime,
  isFieldElement,
  recoverSecret,
  recoveryCoefficients,
} from './shamir.ts';

describe('Shamir sharing', () => {
  it('rebuilds the secret from any threshold of the shares, and not from fewer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), fc.string(), (n, offset, seed) => {
        const random = createSeededRandom(seed);
        const threshold = 2 + (offset % (n - 1));
        const secret = drawFieldElement(random);
        const shares = dealShares(secret, threshold, n, random);
        const chosen = shuffle(
          random,
          shares.map((_, i) => i),
        ).slice(0, threshold);
        const rebuild = (holders: number[]) =>
          recoverSecret(
            recoveryCoefficients(holders.map((i) => i + 1)),
            holders.map((i) => shares[i]!),
          );
        expect(rebuild(chosen)).toEqual(secret);
        expect(rebuild(chosen.slice(1))).not.toEqual(secret);
      }),
    );
  });

  it('gives shares of a line that can be worked out by hand', () => {
    // Threshold 2: s(x) = s(0) + x·c. With s(0) = 5: s(2) − s(1) = s(1) − 5 in the field.
    const secret = new Uint8Array(32);
    secret[0] = 5;
    const [one, two] = dealShares(secret, 2, 2, createSeededRandom('line')).map(toBigInt);
    expect((two! - one! - (one! - 5n)) % fieldPrime).toBe(0n);
  });

  it('takes field elements in their one encoding only', () => {
    const prime = new Uint8Array(32).fill(255);
    prime[0] = 0xed;
    prime[31] = 0x7f;
    expect(toBigInt(prime)).toBe(fieldPrime);
    expect(isFieldElement(prime)).toBe(false);
    prime[0] = 0xec;
    expect(isFieldElement(prime)).toBe(true);
    expect(isFieldElement(new Uint8Array(31))).toBe(false);
    expect(() => dealShares(new Uint8Array(32).fill(255), 2, 3, createSeededRandom('x'))).toThrow(/cannot deal/);
    expect(() => recoveryCoefficients([1, 1])).toThrow(/distinct/);
  });
});

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
