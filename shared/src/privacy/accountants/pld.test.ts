import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianEpsilon } from './analytic-gaussian.ts';
import { composedEpsilon } from './compose-losses.ts';
import { epsilonByRdp } from './accountant.ts';
import { fourierTransform } from './fourier.ts';
import type { LossDistribution } from './loss-distribution.ts';
import { sampledGaussianLosses } from './sampled-gaussian.ts';
import { normalCdf } from './normal-tail.ts';
import { epsilonByPld } from './pld.ts';

/** δ of one release at ε in closed form, by the tails beyond the x at which the loss is ε. */
function exactDelta(q: number, z: number, epsilon: number, direction: 'remove' | 'add'): number {
  const tails = (x: number, side: 1 | -1) => {
    const plain = normalCdf((-side * x) / z);
    return { plain, mixed: (1 - q) * plain + q * normalCdf((-side * (x - 1)) / z) };
  };
  if (direction === 'remove') {
    const { plain, mixed } = tails(z * z * Math.log1p(Math.expm1(epsilon) / q) + 0.5, 1);
    return mixed - Math.exp(epsilon) * plain;
  }
  const argument = Math.expm1(-epsilon) / q;
  if (argument <= -1) return 0;
  const { plain, mixed } = tails(z * z * Math.log1p(argument) + 0.5, -1);
  return plain - Math.exp(epsilon) * mixed;
}

/** The ε with exactly this δ, by bisection. */
function exactEpsilon(q: number, z: number, delta: number, direction: 'remove' | 'add'): number {
  let low = 0;
  let high = 60;
  for (let halving = 0; halving < 80; halving += 1) {
    const middle = (low + high) / 2;
    if (exactDelta(q, z, middle, direction) > delta) low = middle;
    else high = middle;
  }
  return high;
}

function massSum({ logMasses, infinite }: LossDistribution): number {
  return logMasses.reduce((sum, mass) => sum + Math.exp(mass), infinite);
}

describe('loss distribution', () => {
  it.each(['remove', 'add'] as const)('keeps the mass of P and at most the mass of Q: %s', (direction) => {
    for (const [q, z] of [
      [0.01, 1],
      [0.3, 2.2],
      [1, 5],
      [1e-4, 0.7],
      [0.999, 1],
    ] as const) {
      const gridWidth = 0.003;
      const loss = sampledGaussianLosses(q, z, gridWidth)[direction];
      expect(massSum(loss)).toBeGreaterThanOrEqual(1 - 1e-15);
      expect(massSum(loss)).toBeLessThan(1 + 1e-9);
      const otherMass = loss.logMasses.reduce(
        (sum, mass, index) => sum + Math.exp(mass - (loss.places[index] ?? Number.NaN) * gridWidth),
        0,
      );
      expect(otherMass).toBeLessThan(1 + 1e-9);
      expect(otherMass).toBeGreaterThan(1 - 1e-4);
    }
  });
});

describe('composedEpsilon', () => {
  it.each(['remove', 'add'] as const)('lies above the closed form of one release, and near: %s', (direction) => {
    for (const [q, z, delta] of [
      [0.3, 1.1, 1e-5],
      [0.01, 1, 1e-5],
      [0.7, 3, 1e-8],
      [0.05, 0.8, 1e-3],
      [1, 2, 1e-6],
    ] as const) {
      const gridWidth = 1e-3;
      const loss = sampledGaussianLosses(q, z, gridWidth)[direction];
      const got = composedEpsilon([[{ loss, count: 1 }]], gridWidth, delta) ?? Number.NaN;
      const exact = exactEpsilon(q, z, delta, direction);
      expect(got).toBeGreaterThanOrEqual(exact);
      expect(got).toBeLessThan(exact + 0.2 * gridWidth + 1e-4 * exact);
    }
  });

  it('lies above a convolution of two releases done by quadrature', () => {
    // δ₂(ε) = E over the first release's x of δ₁(ε − loss(x)).
    const [q, z, delta] = [0.2, 1.5, 1e-4];
    const doubleDelta = (epsilon: number) => {
      const step = 1 / 256;
      let sum = 0;
      for (let x = -14; x <= 15; x += step) {
        const plain = Math.exp((-x * x) / (2 * z * z));
        const shifted = Math.exp((-(x - 1) * (x - 1)) / (2 * z * z));
        const density = ((1 - q) * plain + q * shifted) / (z * Math.sqrt(2 * Math.PI));
        const rest = epsilon - Math.log1p(q * Math.expm1((2 * x - 1) / (2 * z * z)));
        // Below the least loss everything counts: 1 − e^ε.
        sum += step * density * (rest <= Math.log1p(-q) ? 1 - Math.exp(rest) : exactDelta(q, z, rest, 'remove'));
      }
      return sum;
    };
    const gridWidth = 5e-4;
    const loss = sampledGaussianLosses(q, z, gridWidth).remove;
    const got = composedEpsilon([[{ loss, count: 2 }]], gridWidth, delta) ?? Number.NaN;
    expect(doubleDelta(got)).toBeLessThanOrEqual(delta);
    expect(doubleDelta(got * (1 - 1e-4))).toBeGreaterThan(delta);
  });
});

describe('epsilonByPld', () => {
  it('agrees with the analytic Gaussian, from above, over many rounds and deltas', () => {
    for (const [z, count, delta] of [
      [40.6, 100, 1e-5],
      [30, 1_000, 1e-7],
      [5, 100, 1e-12],
      [300, 100_000, 1e-9],
    ] as const) {
      const exact = gaussianEpsilon(Math.sqrt(count) / z, delta);
      const got = epsilonByPld([{ samplingRate: 1, noiseMultiplier: z, count }], delta) ?? Number.NaN;
      expect(got).toBeGreaterThanOrEqual(exact);
      expect(got / exact - 1).toBeLessThan(1e-4);
    }
  });

  it('is at most RDP, does not depend on how releases are listed, and grows with them', () => {
    const rates = fc.double({ min: 0.01, max: 0.9, noNaN: true });
    const noises = fc.double({ min: 0.8, max: 10, noNaN: true });
    fc.assert(
      fc.property(rates, noises, fc.integer({ min: 2, max: 300 }), (samplingRate, noiseMultiplier, count) => {
        const releases = [{ samplingRate, noiseMultiplier, count }];
        const epsilon = epsilonByPld(releases, 1e-5) ?? Number.NaN;
        expect(epsilon).toBeLessThan(epsilonByRdp(releases, 1e-5).epsilon * (1 + 1e-3));
        const listed = [
          { samplingRate, noiseMultiplier, count: 1 },
          { samplingRate, noiseMultiplier, count: count - 1 },
        ];
        expect((epsilonByPld(listed, 1e-5) ?? Number.NaN) / epsilon).toBeCloseTo(1, 9);
        const more = epsilonByPld([{ samplingRate, noiseMultiplier, count: count + 10 }], 1e-5) ?? Number.NaN;
        expect(more).toBeGreaterThan(epsilon);
      }),
      { seed: 10, numRuns: 12 },
    );
  });

  it('composes both directions, of which removing is the worse one wherever it was looked', () => {
    // For one release that is proven, for compositions it is not, so neither is left out.
    const mixed = [
      [[0.01, 0.9, 20]],
      [[0.1, 1, 30]],
      [[0.5, 3, 100]],
      [[0.9, 10, 300]],
      [[0.99, 5, 30]],
      [
        [0.02, 1, 50],
        [0.9, 8, 40],
      ],
      [
        [0.3, 2, 10],
        [0.999, 6, 20],
        [1, 9, 5],
      ],
    ] as const;
    const gridWidth = 0.004;
    for (const releases of mixed) {
      for (const delta of [1e-8, 1e-5, 0.01, 0.2]) {
        const of = (direction: 'remove' | 'add'): number => {
          const losses = releases.map(([q, z, count]) => ({
            loss: sampledGaussianLosses(q, z, gridWidth)[direction],
            count,
          }));
          return composedEpsilon([losses], gridWidth, delta) ?? Number.NaN;
        };
        const [remove, add] = [of('remove'), of('add')];
        expect(add).toBeGreaterThanOrEqual(0);
        expect(add).toBeLessThanOrEqual(remove);
      }
    }
  });

  it('has no number where e^loss is none', () => {
    expect(epsilonByPld([{ samplingRate: 0.5, noiseMultiplier: 0.02, count: 1 }], 1e-5)).toBeNull();
  });
});

describe('fourierTransform', () => {
  it('is the plain sum, and its inverse takes it back', () => {
    const length = 64;
    const real = Float64Array.from({ length }, (_, k) => Math.sin(k * k));
    const imaginary = Float64Array.from({ length }, (_, k) => Math.cos(3 * k));
    const [re, im] = [real.slice(), imaginary.slice()];
    fourierTransform(re, im, -1);
    for (let j = 0; j < length; j += 1) {
      let sum = 0;
      for (let k = 0; k < length; k += 1) {
        const angle = (-2 * Math.PI * j * k) / length;
        sum += (real[k] ?? 0) * Math.cos(angle) - (imaginary[k] ?? 0) * Math.sin(angle);
      }
      expect(Math.abs((re[j] ?? Number.NaN) - sum)).toBeLessThan(1e-12);
    }
    fourierTransform(re, im, 1);
    re.forEach((value, k) => expect(Math.abs(value / length - (real[k] ?? Number.NaN))).toBeLessThan(1e-14));
    im.forEach((value, k) => expect(Math.abs(value / length - (imaginary[k] ?? Number.NaN))).toBeLessThan(1e-14));
  });
});
