import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUnit, gridFor } from '../privacy/index.ts';
import { clipBitOf, jointScales, withClipBit } from './adaptive-clip.ts';

const norm = (vector: Float64Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

describe('the joint vector of an update and its clip bit', () => {
  it('shares the noise so that both multipliers together are the plan’s', () => {
    for (const [z, countStddev] of [
      [1, 5],
      [1.4, 0.8],
      [16, 40],
    ] as const) {
      const bit = clipBitOf(z, countStddev);
      // Andrew et al. 2021, Theorem 1: z^-2 = z_delta^-2 + (2·sigma_b)^-2.
      const updateMultiplier = z / bit.updateNorm;
      expect(updateMultiplier ** -2 + (2 * countStddev) ** -2).toBeCloseTo(z ** -2, 12);
      // Noise of z on a coordinate that is worth 2r a bit.
      expect(z / (2 * bit.weight)).toBeCloseTo(countStddev, 12);
    }
    expect(clipBitOf(null, 5).weight).toBe(0.5);
  });

  it('never has a norm above 1, and counts what was not clipped', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 1e-4, max: 1e4, noNaN: true }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (values, bound, share) => {
          const delta = Float64Array.from(values);
          const bit = clipBitOf(share, 0.5);
          const vector = withClipBit(delta, bit, bound);
          expect(norm(vector)).toBeLessThanOrEqual(1 + 1e-12);
          expect(vector[values.length]).toBe(norm(delta) <= bound ? bit.weight : -bit.weight);
        },
      ),
    );
  });

  it('of an update that is no vector is none: the door adds nothing, not even a bit', () => {
    for (const bad of [Number.NaN, Infinity]) {
      const vector = withClipBit(Float64Array.of(1, bad), clipBitOf(1, 5), 0.5);
      const target = new Int32Array(3);
      encodeUnit(vector, { dimension: 3, ...gridFor(1, 3) }, target, 0);
      expect([...target]).toEqual([0, 0, 0]);
    }
  });

  it('comes out of the grid as it went in: an update within the bound whole, a larger one at the bound', () => {
    const bit = clipBitOf(2, 3);
    const part = { dimension: 3, ...gridFor(1, 3) };
    for (const [delta, bound, expected] of [
      [[0.03, -0.04], 0.1, [0.03, -0.04, 0.5]],
      [[3, -4], 0.1, [0.06, -0.08, -0.5]],
    ] as const) {
      const target = new Int32Array(3);
      encodeUnit(withClipBit(Float64Array.from(delta), bit, bound), part, target, 0);
      const scales = jointScales(bit, bound, part);
      expect(target[0]! * scales.update).toBeCloseTo(expected[0], 3);
      expect(target[1]! * scales.update).toBeCloseTo(expected[1], 3);
      expect(target[2]! * scales.bit).toBeCloseTo(expected[2], 2);
    }
  });
});
