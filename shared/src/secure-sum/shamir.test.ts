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
        const shares = dealShares(
          secret,
          threshold,
          Array.from({ length: n }, (_, i) => i + 1),
          random,
        );
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

  it('rebuilds from 78 holders anywhere among a thousand', () => {
    const random = createSeededRandom('ring');
    const positions = shuffle(
      random,
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    ).slice(0, 114);
    const secret = drawFieldElement(random);
    const shares = dealShares(secret, 78, positions, random);
    for (const first of [0, 17, 36]) {
      const some = positions.slice(first, first + 78);
      expect(recoverSecret(recoveryCoefficients(some), shares.slice(first, first + 78))).toEqual(secret);
    }
    expect(recoverSecret(recoveryCoefficients(positions.slice(0, 77)), shares.slice(0, 77))).not.toEqual(secret);
  });

  it('gives shares of a line that can be worked out by hand', () => {
    // Threshold 2: s(x) = s(0) + x·c. With s(0) = 5: s(2) − s(1) = s(1) − 5 in the field.
    const secret = new Uint8Array(32);
    secret[0] = 5;
    const [one, two] = dealShares(secret, 2, [1, 2], createSeededRandom('line')).map(toBigInt);
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
    expect(() => dealShares(new Uint8Array(32).fill(255), 2, [1, 2, 3], createSeededRandom('x'))).toThrow(
      /cannot deal/,
    );
    expect(() => recoveryCoefficients([1, 1])).toThrow(/distinct/);
  });
});

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
