import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSottoError } from '../errors/index.ts';
import { encodeUnit } from './encode-unit.ts';
import { gridFor, noiseVarianceSteps } from './grid.ts';

/** Runs the encoder on a fresh target, with a border that must stay untouched. */
function encode(
  values: readonly number[] | Float64Array,
  clipNormL2: number,
): { steps: number[]; bound: number; gridStep: number } {
  const dimension = values.length;
  const grid = gridFor(clipNormL2, dimension);
  const target = new Int32Array(dimension + 4).fill(7);
  encodeUnit(Float64Array.from(values), { dimension, ...grid }, target, 2);
  expect([target[0], target[1], target.at(-2), target.at(-1)]).toEqual([7, 7, 7, 7]);
  return {
    steps: Array.from(target.subarray(2, 2 + dimension), (k) => k - 7),
    bound: grid.normBoundSteps,
    gridStep: grid.gridStep,
  };
}

function exactSquareSum(steps: readonly number[]): bigint {
  return steps.reduce((sum, k) => sum + BigInt(k) ** 2n, 0n);
}

const anyDouble = fc.oneof(
  fc.double(),
  fc.double({ min: -2, max: 2 }),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 2.3e-308, 1e-160, 1e160, 1.7976931348623157e308, -1.7976931348623157e308),
);
const ordinary = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 });
const clips = fc.oneof(fc.constantFrom(1, Math.SQRT2, 1e-12, 1e12), fc.double({ min: 1e-6, max: 1e6, noNaN: true }));

describe('encodeUnit', () => {
  it('never adds more than D steps, whatever comes in', () => {
    fc.assert(
      fc.property(fc.array(anyDouble, { minLength: 1, maxLength: 40 }), clips, (values, clip) => {
        const { steps, bound } = encode(values, clip);
        expect(exactSquareSum(steps)).toBeLessThanOrEqual(BigInt(bound) ** 2n);
      }),
      { seed: 1, numRuns: 3_000 },
    );
  });

  it('keeps the bound for vectors whose norm lies a few rounding errors around it', () => {
    fc.assert(
      fc.property(ordinary, fc.integer({ min: -8, max: 8 }), (values, ulps) => {
        const norm = Math.hypot(...values);
        fc.pre(norm > 1e-6);
        const grid = gridFor(1, values.length);
        const factor = ((grid.normBoundSteps * grid.gridStep) / norm) * (1 + ulps * Number.EPSILON);
        const { steps, bound } = encode(
          values.map((value) => value * factor),
          1,
        );
        const squareSum = exactSquareSum(steps);
        expect(squareSum).toBeLessThanOrEqual(BigInt(bound) ** 2n);
        // Near the bound no ordinary vector is thrown away either.
        expect(squareSum).toBeGreaterThan(0n);
      }),
      { seed: 2, numRuns: 2_000 },
    );
  });

  it('adds the clipped vector truncated toward zero', () => {
    fc.assert(
      fc.property(ordinary, clips, (values, clip) => {
        const { steps, bound, gridStep } = encode(values, clip);
        const norm = Math.hypot(...values);
        const factor = Math.min(1, (bound * gridStep) / norm);
        values.forEach((value, index) => {
          const exact = norm === 0 ? 0 : (value * factor) / gridStep;
          const got = steps[index] ?? Number.NaN;
          // Within rounding of the exact quotient, and never further from zero than it.
          expect(Math.abs(got)).toBeLessThanOrEqual(Math.abs(exact) * (1 + 1e-12));
          expect(Math.abs(got)).toBeGreaterThan(Math.abs(exact) * (1 - 1e-12) - 1);
          expect(got * value).toBeGreaterThanOrEqual(0);
        });
      }),
      { seed: 3, numRuns: 2_000 },
    );
  });

  it('counts a vector with NaN or an infinity as zero', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      for (let place = 0; place < 9; place += 1) {
        const values = Array.from({ length: 9 }, (_, index) => (index === place ? bad : 0.25));
        expect(encode(values, 1).steps).toEqual(Array(9).fill(0));
      }
    }
  });

  it('clips vectors whose squares or norms overflow, and drops those whose norm cannot be told', () => {
    const { steps, bound } = encode([3e200, -4e200], 1);
    expect(steps).toEqual([Math.trunc(0.6 * bound), Math.trunc(-0.8 * bound)]);
    expect(encode([Number.MAX_VALUE, Number.MAX_VALUE], 1).steps).toEqual([0, 0]);
    expect(encode([Number.MAX_VALUE, 0], 1).steps).toEqual([bound, 0]);
  });

  it('counts integers above the bound by one step² as zero: doubles would let them through', () => {
    const bound = 94_906_265;
    const part = { dimension: 3, gridStep: 1, normBoundSteps: bound };
    const target = Int32Array.of(5, 5, 5);
    // √(D² + 1) rounds to D, so the clip lets it pass.
    expect(Math.sqrt(bound ** 2 + 1)).toBe(bound);
    encodeUnit(Float64Array.of(bound, -1, 0), part, target, 0);
    expect(Array.from(target)).toEqual([5, 5, 5]);
    encodeUnit(Float64Array.of(-bound, 0, 0), part, target, 0);
    expect(Array.from(target)).toEqual([5 - bound, 5, 5]);
  });

  it('adds nothing for zero, minus zero and denormals', () => {
    expect(encode([0, -0, 5e-324, -1e-310, 1e-300], 1).steps).toEqual([0, 0, 0, 0, 0]);
  });

  it('keeps one-hot vectors and their exact place on the grid', () => {
    for (const dimension of [1, 2, 3, 5, 14, 5_953]) {
      const values = new Float64Array(dimension);
      values[dimension - 1] = 1;
      const { steps, bound } = encode(values, 1);
      expect(steps.at(-1)).toBeGreaterThanOrEqual(bound - 1);
      expect(steps.at(-1)).toBeLessThanOrEqual(bound);
    }
  });

  it('adds to what is there, modulo 2^32', () => {
    const grid = gridFor(1, 1);
    const target = Int32Array.of(2_147_483_647);
    encodeUnit(Float64Array.of(1), { dimension: 1, ...grid }, target, 0);
    expect(target[0]).toBe((2_147_483_647 + grid.normBoundSteps) | 0);
  });

  it('refuses vectors and targets of another length before anything is added', () => {
    const part = { dimension: 3, ...gridFor(1, 3) };
    const target = new Int32Array(4);
    const attempts = [
      () => encodeUnit(new Float64Array(2).fill(1), part, target, 0),
      () => encodeUnit(new Float64Array(3).fill(1), part, target, 2),
      () => encodeUnit(new Float64Array(3).fill(1), part, target, -1),
      () => encodeUnit(new Float64Array(3).fill(1), part, target, 0.5),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(/expected|fit/);
    expect(Array.from(target)).toEqual([0, 0, 0, 0]);
  });
});

describe('gridFor', () => {
  it('gives 1,024 steps per root-mean-square coordinate', () => {
    expect(gridFor(2, 4)).toEqual({ gridStep: 2 / 2_048, normBoundSteps: 2_048 });
    expect(gridFor(1, 3).normBoundSteps).toBe(1_773);
    expect(gridFor(1, 5_953).normBoundSteps).toBe(79_007);
  });

  it('keeps D² within 2^53 at the largest dimension and refuses the next', () => {
    expect(gridFor(1, 2 ** 33).normBoundSteps ** 2).toBeLessThanOrEqual(2 ** 53);
    expect(() => gridFor(1, 2 ** 33 + 200_000)).toThrow(/2\^53/);
  });

  it('refuses clip norms and dimensions out of range by name', () => {
    for (const clip of [0, -1, Number.NaN, Infinity, 1e-310]) expect(() => gridFor(clip, 3)).toThrow(/clipNormL2/);
    for (const dimension of [0, -1, 1.5, Number.NaN]) expect(() => gridFor(1, dimension)).toThrow(/dimension/);
  });
});

describe('noiseVarianceSteps', () => {
  const base = {
    noiseMultiplier: 2,
    normBoundSteps: 1_000,
    noise: 'distributedDiscreteGaussian',
    minSurvivors: 5,
    colluding: 1,
  } as const;

  it('shares the noise out over the survivors that do not collude', () => {
    expect(noiseVarianceSteps(base)).toBe(2_000 ** 2 / 4);
    expect(noiseVarianceSteps({ ...base, noise: 'coordinatorDiscreteGaussian' })).toBe(2_000 ** 2);
  });

  it('refuses shares under four steps and colluders that leave nobody', () => {
    expect(() => noiseVarianceSteps({ ...base, noiseMultiplier: 0.0079 })).toThrow(/at least 4/);
    try {
      noiseVarianceSteps({ ...base, colluding: 5 });
      expect.unreachable();
    } catch (error) {
      expect(isSottoError(error, 'INVALID_INPUT')).toBe(true);
    }
  });
});
