import { describe, expect, it } from 'vitest';
import { bandCoefficients } from '../banded-toeplitz.ts';
import { binomialUpperTail } from '../binomial.ts';
import { prefixErrors, toeplitzSensitivity } from './banded-toeplitz.ts';
import { gaussianRdp, gaussianRdpCurve } from './gaussian-rdp.ts';
import { randomizedResponseRdp, skellamRdp } from './pure-noise-rdp.ts';
import { seriesRdp } from './series-rdp.ts';
import { withoutReplacementRdp } from './without-replacement-rdp.ts';

const binomialTail = (n: number, k: number, p: number) => binomialUpperTail(k, n, { win: p, lose: 1 - p });

describe('binomialUpperTail', () => {
  it('is the plain sum for few trials', () => {
    for (const [n, p] of [
      [1, 0.3],
      [12, 0.07],
      [40, 0.5],
    ] as const) {
      let mass = (1 - p) ** n;
      let tail = 1;
      for (let k = 0; k <= n; k += 1) {
        expect(binomialTail(n, k, p) / tail).toBeCloseTo(1, 10);
        tail -= mass;
        mass *= ((n - k) / (k + 1)) * (p / (1 - p));
        // Below, the differences that this sum makes are the coarser ones.
        if (tail < 1e-4) break;
      }
    }
  });

  it('keeps its relative accuracy far out and for many trials', () => {
    // P(Bin(n, p) = n) = pⁿ; P(Bin(n, p) ≥ n − 1) = pⁿ + n·pⁿ⁻¹(1 − p).
    expect(binomialTail(100, 100, 0.01) / 1e-200).toBeCloseTo(1, 11);
    expect(binomialTail(60, 59, 0.1) / (1e-60 + 60 * 0.9e-59)).toBeCloseTo(1, 11);
    // Poisson of mean 2 with a millionth of error.
    const poisson = 1 - Math.exp(-2) * (1 + 2 + 2);
    expect(binomialTail(2_000_000, 3, 1e-6) / poisson).toBeCloseTo(1, 5);
    expect(binomialTail(10_000, 5_000, 0.5)).toBeCloseTo(0.503989, 5);
  });

  it('has its edges', () => {
    expect(binomialTail(5, 0, 0.3)).toBe(1);
    expect(binomialTail(5, 6, 0.3)).toBe(0);
    expect(binomialTail(5, 1, 0)).toBe(0);
    expect(binomialTail(5, 5, 1)).toBe(1);
    expect(binomialTail(0, 1, 0.5)).toBe(0);
  });
});

describe('banded Toeplitz', () => {
  /** Norm of C times the sum of the unit vectors of the rounds that a unit takes part in, at worst, by trying all patterns. */
  function bruteSensitivity(coefficients: readonly number[], rounds: number, separation: number, most: number): number {
    let worst = 0;
    const visit = (from: number, taken: number[]) => {
      const output = Array.from({ length: rounds }, () => 0);
      for (const start of taken) {
        coefficients.forEach((value, k) => {
          if (start + k < rounds) output[start + k] = (output[start + k] ?? 0) + value;
        });
      }
      worst = Math.max(worst, Math.hypot(...output));
      if (taken.length === most) return;
      for (let next = from; next < rounds; next += 1) visit(next + separation, [...taken, next]);
    };
    visit(0, []);
    return worst;
  }

  it('has the sensitivity of its worst pattern, and never less', () => {
    for (const [bands, rounds, separation, most] of [
      [3, 9, 3, 3],
      [4, 9, 2, 3],
      [5, 8, 1, 4],
      [3, 8, 5, 2],
    ] as const) {
      const coefficients = bandCoefficients(bands);
      const brute = bruteSensitivity(coefficients, rounds, separation, most);
      const stated = toeplitzSensitivity(coefficients, rounds, separation, most);
      expect(stated).toBeGreaterThanOrEqual(brute * (1 - 1e-12));
      expect(stated / brute).toBeLessThan(1 + 1e-9);
    }
  });

  it('without overlap holds for any coefficients', () => {
    const coefficients = [1, -0.5, 0.7];
    expect(toeplitzSensitivity(coefficients, 9, 3, 3) / bruteSensitivity(coefficients, 9, 3, 3)).toBeCloseTo(1, 12);
  });

  it('has the prefix errors of its inverse', () => {
    // C = 1: prefix sums of independent noise.
    expect(prefixErrors([1], 4)).toEqual({ rms: Math.sqrt((1 + 2 + 3 + 4) / 4), largest: 2 });
    // The square root of the prefix-sum matrix is its own answer: A·C⁻¹ = C.
    const all = bandCoefficients(6);
    expect(prefixErrors(all, 6).largest).toBeCloseTo(Math.hypot(...all), 12);
  });
});

describe('Rényi divergences', () => {
  it('the series lies above the exact fractional order, and meets whole orders beside it', () => {
    for (const [q, z] of [
      [0.01, 1],
      [0.1, 2],
      [0.3, 1.3],
      [1e-4, 0.8],
    ] as const) {
      for (const order of [1.1, 2.7, 4.3, 8.3, 10.9]) {
        expect(seriesRdp(q, z, order)).toBeGreaterThanOrEqual(gaussianRdp(q, z, order) * (1 - 1e-9));
      }
      expect(seriesRdp(q, z, 9.000001) / gaussianRdp(q, z, 9)).toBeCloseTo(1, 3);
    }
    expect(seriesRdp(0.5, 1.5, 1.1)).toBe(Infinity);
  });

  it('a curve is its orders one by one', () => {
    const orders = [64, 1.5, 3, 10.9, 2, 300.5, 1_024];
    for (const [q, z] of [
      [0.05, 1.1],
      [1e-6, 0.4],
      [0.9, 0.08],
    ] as const) {
      gaussianRdpCurve(q, z, orders).forEach((rdp, index) => {
        expect(rdp / gaussianRdp(q, z, orders[index] ?? Number.NaN)).toBeCloseTo(1, 12);
        expect(Number.isFinite(rdp)).toBe(true);
      });
    }
  });

  it('a subset of half loses less than all, more than a smaller one, and the moments do not cancel', () => {
    const orders = [2, 3, 6, 16, 64, 256];
    for (const z of [0.5, 4, 60]) {
      const [half, tenth] = [0.5, 0.1].map((q) => withoutReplacementRdp(q, z, orders));
      orders.forEach((order, index) => {
        expect(tenth?.[index]).toBeLessThan(half?.[index] ?? Number.NaN);
        expect(tenth?.[index]).toBeGreaterThan(0);
        // Order 2 exactly: log(1 + q²·min(4(e^{1/z²} − 1), 2e^{1/z²})).
        if (order !== 2) return;
        const inside = Math.min(4 * Math.expm1(1 / z ** 2), 2 * Math.exp(1 / z ** 2));
        expect((tenth?.[index] ?? 0) / Math.log1p(0.01 * inside)).toBeCloseTo(1, 9);
      });
    }
    // Much noise: ε grows like q²·α, far below the fallback's e^{(j−1)ε} terms that cancellation would leave.
    const [small] = withoutReplacementRdp(0.01, 60, [32]);
    expect(small).toBeLessThan(32 * 0.01 ** 2 * 4 * (1 / 60) ** 2);
  });

  it('randomized response over two buckets is the binary divergence', () => {
    const [same, other, order] = [0.8, 0.2, 3.5];
    const exact = Math.log(same ** order * other ** (1 - order) + other ** order * same ** (1 - order)) / (order - 1);
    expect(randomizedResponseRdp(0.4, 2, order, false) / exact).toBeCloseTo(1, 10);
    // Against a uniform answer the worse of both directions counts.
    const towards = Math.log((same ** order + other ** order) * 0.5 ** (1 - order)) / (order - 1);
    const away = Math.log(0.5 ** order * (same ** (1 - order) + other ** (1 - order))) / (order - 1);
    expect(randomizedResponseRdp(0.4, 2, order, true) / Math.max(towards, away)).toBeCloseTo(1, 10);
  });

  it('Skellam noise is known at whole orders alone', () => {
    expect(skellamRdp(1, 1, 10, 2)).toBeCloseTo(0.1225, 12);
    expect(skellamRdp(1, 1, 10, 2.5)).toBe(Infinity);
  });
});
