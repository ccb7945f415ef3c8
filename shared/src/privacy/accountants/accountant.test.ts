import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSottoError } from '../../errors/index.ts';
import { epsilonByRdp, epsilonOf, epsilonOfGaussians } from './accountant.ts';
import { effectiveNoiseMultiplier, type GaussianReleases } from './gaussian-event.ts';
import { gaussianDelta, gaussianEpsilon } from './analytic-gaussian.ts';
import { gaussianRdp } from './gaussian-rdp.ts';
import type { MechanismEvent } from '../mechanism-event.ts';
import { erfc, erfcx, normalCdf } from './normal-tail.ts';
import { epsilonOfRdp, rdpBudget } from './rdp-to-epsilon.ts';

function vectors<T>(name: string): T[] {
  const file: { cases: T[] } = JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
  return file.cases;
}

const event: MechanismEvent = {
  kind: 'sampledGaussianSum',
  version: 1,
  unit: 'record',
  adjacency: 'addOrRemove',
  part: 'train',
  query: 'gradient',
  samplingNumerator: 2 ** 32,
  noiseMultiplier: 40.6,
  normBoundSteps: 3_831,
  gridStepsPerRms: 1_024,
  dimension: 14,
  noise: 'distributedDiscreteGaussian',
  minSurvivors: 4,
  colluding: 1,
  numericSlack: 0,
};

describe('erfc and erfcx', () => {
  it.each(vectors<{ x: number; erfcx: string; erfc: string }>('normal-tail.json'))(
    'agree with 60-digit values at $x',
    (entry) => {
      const scaled = Number(entry.erfcx);
      if (Number.isFinite(scaled)) expect(Math.abs(erfcx(entry.x) / scaled - 1)).toBeLessThan(2e-15);
      const plain = Number(entry.erfc);
      // Where it underflows there is nothing to compare.
      if (plain > 1e-300) expect(Math.abs(erfc(entry.x) / plain - 1)).toBeLessThan(2e-15);
      else expect(erfc(entry.x)).toBeLessThan(1e-290);
    },
  );

  it('keep their limits far out', () => {
    for (const x of [27, 30.1, 1_234.5, 1.1e7, 1e150]) {
      expect(erfc(x)).toBeLessThan(1e-300);
      expect(erfc(-x)).toBe(2);
      expect(erfcx(x) * x * Math.sqrt(Math.PI)).toBeCloseTo(1, 2);
      expect(erfcx(-x)).toBe(Infinity);
    }
  });

  it('make a distribution function', () => {
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(-40)).toBeGreaterThanOrEqual(0);
    fc.assert(
      fc.property(
        fc.double({ min: -30, max: 30, noNaN: true }),
        fc.double({ min: 1e-3, max: 1, noNaN: true }),
        (x, more) => {
          expect(normalCdf(x)).toBeLessThanOrEqual(normalCdf(x + more));
          expect(Math.abs(normalCdf(x) + normalCdf(-x) - 1)).toBeLessThan(1e-15);
        },
      ),
      { seed: 5 },
    );
  });
});

describe('gaussianRdp', () => {
  it.each(vectors<{ samplingRate: number; noiseMultiplier: number; order: number; rdp: string }>('gaussian-rdp.json'))(
    'lies above the quadrature, by 2e-10 at most: q $samplingRate, z $noiseMultiplier, order $order',
    ({ samplingRate, noiseMultiplier, order, rdp }) => {
      const ratio = gaussianRdp(samplingRate, noiseMultiplier, order) / Number(rdp) - 1;
      expect(ratio).toBeGreaterThan(0);
      expect(ratio).toBeLessThan(2e-10);
    },
  );

  it('is the same on both sides of a whole order', () => {
    for (const order of [2, 5, 11, 40]) {
      const whole = gaussianRdp(0.07, 1.3, order);
      expect(Math.abs(gaussianRdp(0.07, 1.3, order + 1e-9) / whole - 1)).toBeLessThan(1e-7);
    }
  });

  it('grows with the rate and the order and falls with the noise', () => {
    const rates = fc.double({ min: 1e-6, max: 0.9, noNaN: true });
    const noises = fc.double({ min: 0.3, max: 50, noNaN: true });
    const orders = fc.oneof(fc.integer({ min: 2, max: 64 }), fc.double({ min: 1.05, max: 11, noNaN: true }));
    fc.assert(
      fc.property(rates, noises, orders, (q, z, order) => {
        const rdp = gaussianRdp(q, z, order);
        expect(rdp).toBeGreaterThan(0);
        expect(gaussianRdp(q * 1.1, z, order)).toBeGreaterThan(rdp);
        expect(gaussianRdp(q, z * 1.1, order)).toBeLessThan(rdp);
        expect(gaussianRdp(q, z, order + 0.5)).toBeGreaterThan(rdp);
        expect(rdp).toBeLessThan(gaussianRdp(1, z, order));
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('counts a rate of 1 as the plain Gaussian, and rates near it continuously', () => {
    expect(gaussianRdp(1, 4, 3)).toBeCloseTo(3 / 32, 10);
    expect(gaussianRdp(1 - 2 ** -32, 4, 3)).toBeCloseTo(3 / 32, 8);
  });
});

describe('analytic Gaussian', () => {
  it.each(vectors<{ mu: number; epsilon: number; delta: string }>('gaussian-delta.json'))(
    'gives delta from above: mu $mu, epsilon $epsilon',
    ({ mu, epsilon, delta }) => {
      const got = gaussianDelta(mu, epsilon);
      expect(got).toBeGreaterThanOrEqual(Number(delta));
      expect(got / Number(delta) - 1).toBeLessThan(1e-11);
    },
  );

  it('inverts itself, upward', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 50, noNaN: true }), fc.integer({ min: 1, max: 12 }), (mu, digits) => {
        const delta = 0.7 * 10 ** -digits;
        const epsilon = gaussianEpsilon(mu, delta);
        expect(gaussianDelta(mu, epsilon)).toBeLessThanOrEqual(delta);
        if (epsilon > 1e-6) expect(gaussianDelta(mu, epsilon * (1 - 1e-7))).toBeGreaterThan(delta);
      }),
      { seed: 7 },
    );
  });

  it('grows with mu over its whole range', () => {
    let before = 0;
    for (let exponent = -4; exponent <= 12; exponent += 0.25) {
      const epsilon = gaussianEpsilon(10 ** exponent, 1e-5);
      expect(epsilon).toBeGreaterThanOrEqual(before);
      // RDP's best order gives μ²/2 + μ√(2 log 1/δ).
      expect(epsilon).toBeLessThanOrEqual(
        (10 ** (2 * exponent) / 2 + 10 ** exponent * Math.sqrt(2 * Math.log(1e5))) * (1 + 1e-9),
      );
      if (exponent >= 1) expect(epsilon).toBeGreaterThan(10 ** (2 * exponent) / 2);
      before = epsilon;
    }
  });

  it('gives infinity without noise and zero without releases', () => {
    expect(gaussianEpsilon(Infinity, 1e-5)).toBe(Infinity);
    expect(gaussianEpsilon(0, 1e-5)).toBe(0);
    expect(gaussianEpsilon(1e-3, 0.01)).toBe(0);
  });
});

describe('conversion of RDP', () => {
  it('and its inverse agree, each rounded against us', () => {
    for (const order of [1.5, 4, 32]) {
      for (const epsilon of [0.5, 1, 8]) {
        const budget = rdpBudget(epsilon, order, 1e-5);
        if (budget <= 0) continue;
        expect(epsilonOfRdp(budget, order, 1e-5)).toBeLessThanOrEqual(epsilon);
        expect(epsilonOfRdp(budget, order, 1e-5)).toBeGreaterThan(epsilon * (1 - 1e-10));
      }
    }
  });

  it('gives zero where the total variation is below delta already', () => {
    expect(epsilonOfRdp(1e-12, 2, 1e-5)).toBe(0);
    expect(epsilonOfRdp(Infinity, 2, 1e-5)).toBe(Infinity);
  });
});

type GoldenGaussian = { type: 'gaussian'; noiseMultiplier: number; count: number };
type GoldenPoisson = {
  type: 'poisson';
  samplingProbability: number;
  inner: { type: string; noiseMultiplier: number };
  count: number;
};
type GoldenCase = {
  id: string;
  family: string;
  neighboring: string;
  events: (GoldenGaussian | GoldenPoisson | { type: 'laplace' })[];
  query: { kind: string; delta: number; orders?: number[] };
  expect: {
    rdp?: { epsilon: number; relTol: number };
    pld?: { epsilon: number; relTol: number; absTol: number };
    estimate?: { epsilon: number; absTol: number };
    exact?: { epsilon: number | 'Infinity'; relTol?: number };
    rdpCurveExact?: { values: number[]; relTol: number };
  };
};

const shared = process.env['SOTTO_SHARED'];
const goldenPath = shared === undefined ? undefined : join(shared, 'golden', 'dp-accounting.json');
const goldenFound = goldenPath !== undefined && existsSync(goldenPath);
const required = process.env['SOTTO_REQUIRE'] === 'all';

describe.skipIf(!goldenFound && !required)(
  `dp-accounting's golden values${goldenFound ? '' : ' (SKIPPED: SOTTO_SHARED does not name a folder with golden/dp-accounting.json)'}`,
  () => {
    const cases: GoldenCase[] = goldenFound ? JSON.parse(readFileSync(goldenPath, 'utf8')).cases : [];
    const gaussianOnly = (entry: GoldenCase) =>
      entry.neighboring === 'add-or-remove-one' && releasesOf(entry) !== null && entry.query.delta !== 0;

    it('are there', () => {
      expect(cases.length).toBeGreaterThan(100);
    });

    it.each(cases.filter((entry) => entry.family === 'rdp-curve'))('$id: the curve lies on the exact one', (entry) => {
      const [release] = releasesOf(entry) ?? [];
      const exact = entry.expect.rdpCurveExact;
      if (release === undefined || exact === undefined) return expect.unreachable();
      (entry.query.orders ?? []).forEach((order, index) => {
        const value = exact.values[index] ?? Number.NaN;
        const got = gaussianRdp(release.samplingRate, release.noiseMultiplier, order);
        expect(Math.abs(got / value - 1), `order ${order}`).toBeLessThan(exact.relTol);
        expect(got).toBeGreaterThan(value * (1 - 1e-12));
      });
    });

    it.each(cases.filter((entry) => entry.query.kind === 'epsilon' && gaussianOnly(entry)))(
      '$id ($family): epsilon is never below the truth, nor above the reference',
      (entry) => {
        const releases = releasesOf(entry) ?? [];
        const { rdp, pld, estimate, exact } = entry.expect;
        const delta = entry.query.delta;
        const byRdp = epsilonByRdp(
          releases.filter((release) => release.count > 0),
          delta,
        ).epsilon;
        const best = epsilonOfGaussians(releases, delta).epsilon;
        const floor = estimate === undefined ? 0 : estimate.epsilon - estimate.absTol;
        expect(best).toBeGreaterThanOrEqual(floor);
        if (rdp !== undefined && Number.isFinite(rdp.epsilon)) {
          expect(byRdp).toBeGreaterThanOrEqual(floor);
          expect(byRdp).toBeLessThanOrEqual(rdp.epsilon * (1 + rdp.relTol) + 1e-9);
          expect(best).toBeLessThanOrEqual(rdp.epsilon * (1 + rdp.relTol) + 1e-9);
        }
        if (exact !== undefined) {
          const value = Number(exact.epsilon);
          expect(best).toBeGreaterThanOrEqual(value * (1 - (exact.relTol ?? 0)));
          if (Number.isFinite(value)) expect(best).toBeLessThanOrEqual(value * (1 + (exact.relTol ?? 0)) + 1e-9);
        }
        if (pld !== undefined) {
          expect(best).toBeLessThanOrEqual(pld.epsilon * (1 + pld.relTol) + pld.absTol);
        }
      },
    );
  },
);

/** A case's events, or null where one of them is no (sampled) Gaussian. */
function releasesOf(entry: GoldenCase): GaussianReleases[] | null {
  const releases: GaussianReleases[] = [];
  for (const golden of entry.events ?? []) {
    if (golden.type === 'gaussian') {
      releases.push({ samplingRate: 1, noiseMultiplier: golden.noiseMultiplier, count: golden.count });
    } else if (golden.type === 'poisson' && golden.inner.type === 'gaussian') {
      const { samplingProbability, inner, count } = golden;
      releases.push({ samplingRate: samplingProbability, noiseMultiplier: inner.noiseMultiplier, count });
    } else {
      return null;
    }
  }
  return releases;
}

describe('effectiveNoiseMultiplier', () => {
  it('takes the four steps² of domination off, and never more than it must', () => {
    const z = effectiveNoiseMultiplier(event);
    const exact = Math.sqrt(40.6 ** 2 - 4 / 3_831 ** 2);
    expect(z).toBeLessThan(exact);
    expect(z).toBeGreaterThan(exact * (1 - 2e-12));
    // One dimension at the least noise: here the term counts.
    const least = {
      ...event,
      dimension: 1,
      normBoundSteps: 1_024,
      noiseMultiplier: 4 / 1_024,
      minSurvivors: 1,
      colluding: 0,
    };
    expect(effectiveNoiseMultiplier(least) * 1_024).toBeCloseTo(Math.sqrt(12), 9);
  });

  it('refuses what it does not know instead of giving a number', () => {
    const strangers = [
      { kind: 'laplaceSum' },
      { version: 2 },
      { adjacency: 'replaceOne' },
      { unit: 'row' },
      { part: 'everything' },
      { noise: 'skellam' },
      { numericSlack: 0.1 },
    ];
    for (const stranger of strangers) {
      const wrong = Object.assign({}, event, stranger);
      expect(codeOf(() => effectiveNoiseMultiplier(wrong))).toBe('UNSUPPORTED_EVENT');
      expect(codeOf(() => epsilonOf([{ event: wrong, count: 1 }], 1e-5))).toBe('UNSUPPORTED_EVENT');
    }
  });

  it('says so where there is no noise, and names a number out of range', () => {
    expect(codeOf(() => effectiveNoiseMultiplier({ ...event, noiseMultiplier: 0 }))).toBe('NO_NOISE');
    const wrong: Partial<MechanismEvent>[] = [
      { noiseMultiplier: Number.NaN },
      { noiseMultiplier: Infinity },
      { noiseMultiplier: -1 },
      { noiseMultiplier: 1e-4 },
      { samplingNumerator: 0 },
      { samplingNumerator: 2 ** 32 + 1 },
      { normBoundSteps: 0.5 },
      { colluding: 4 },
      { minSurvivors: 0 },
    ];
    for (const change of wrong) {
      expect(
        codeOf(() => effectiveNoiseMultiplier({ ...event, ...change })),
        JSON.stringify(change),
      ).toBe('INVALID_INPUT');
    }
  });
});

describe('epsilonOf', () => {
  it('states the flagship as published: one pooled Gaussian over a hundred rounds', () => {
    // soundness.md §2.3: heart, q = 1, T = 100, z = 40.6.
    expect(epsilonOf([{ event, count: 100 }], 1e-5).epsilon).toBeCloseTo(0.9113, 4);
    expect(epsilonOf([{ event: { ...event, noiseMultiplier: 37.31 }, count: 100 }], 1e-5).epsilon).toBeCloseTo(1, 3);
  });

  it.each([
    // soundness.md §2.1 and §2.3, by dp-accounting's PLD
    { samplingRate: 0.25, noiseMultiplier: 3.94, count: 100, published: 2.7399 },
    { samplingRate: 0.25, noiseMultiplier: 1.82, count: 100, published: 7.3408 },
    { samplingRate: 1_024 / 32_561, noiseMultiplier: 3.34, count: 620, published: 0.905 },
    { samplingRate: 1_024 / 32_561, noiseMultiplier: 1.43, count: 620, published: 2.7135 },
  ])('states sampled runs as published: $published', ({ published, ...release }) => {
    const { epsilon, accountant } = epsilonOfGaussians([release], 1e-5);
    expect(accountant).toBe('pld/2');
    expect(Math.abs(epsilon - published)).toBeLessThan(3e-4);
  });

  it('falls back on RDP where doubles end, and is never above it', () => {
    const release = { samplingRate: 0.01, noiseMultiplier: 0.02, count: 10 };
    expect(epsilonOfGaussians([release], 1e-5)).toEqual(epsilonByRdp([release], 1e-5));
    const tiny = { samplingRate: 2 ** -32, noiseMultiplier: 1, count: 1_000 };
    expect(epsilonOfGaussians([tiny], 1e-9).epsilon).toBeLessThanOrEqual(epsilonByRdp([tiny], 1e-9).epsilon);
    const smallDelta = { samplingRate: 0.1, noiseMultiplier: 2, count: 100 };
    expect(epsilonOfGaussians([smallDelta], 1e-60)).toEqual(epsilonByRdp([smallDelta], 1e-60));
  });

  it('composes disjoint parts in parallel and counts "all" in each', () => {
    const train = { event, count: 100 };
    const validation = { event: { ...event, part: 'validation', noiseMultiplier: 60 } as const, count: 20 };
    const all = { event: { ...event, part: 'all' } as const, count: 10 };
    const alone = epsilonOf([train], 1e-5).epsilon;
    expect(epsilonOf([train, validation], 1e-5).epsilon).toBe(alone);
    expect(epsilonOf([train, validation, all], 1e-5).epsilon).toBe(epsilonOf([{ event, count: 110 }], 1e-5).epsilon);
  });

  it('adds parts up where a client is the unit, and refuses a mixture of units', () => {
    const client = { ...event, unit: 'client' } as const;
    const parts = [
      { event: client, count: 60 },
      { event: { ...client, part: 'validation' } as const, count: 40 },
    ];
    expect(epsilonOf(parts, 1e-5).epsilon).toBeCloseTo(epsilonOf([{ event, count: 100 }], 1e-5).epsilon, 12);
    expect(codeOf(() => epsilonOf([...parts, { event, count: 1 }], 1e-5))).toBe('UNSUPPORTED_EVENT');
  });

  it('is zero for nothing, grows with every count and falls with delta', () => {
    expect(epsilonOf([], 1e-5).epsilon).toBe(0);
    expect(epsilonOf([{ event, count: 0 }], 1e-5).epsilon).toBe(0);
    const sampled = { ...event, samplingNumerator: 2 ** 30, noiseMultiplier: 3.94 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), (count) => {
        const { epsilon } = epsilonOf([{ event: sampled, count }], 1e-5);
        expect(epsilonOf([{ event: sampled, count: count + 5 }], 1e-5).epsilon).toBeGreaterThan(epsilon);
        expect(epsilonOf([{ event: sampled, count }], 1e-6).epsilon).toBeGreaterThan(epsilon);
        expect(epsilonOf([{ event: { ...sampled, samplingNumerator: 2 ** 32 }, count }], 1e-5).epsilon).toBeGreaterThan(
          epsilon,
        );
      }),
      { seed: 8, numRuns: 5 },
    );
  });

  it('refuses deltas and counts out of range by name', () => {
    for (const delta of [0, 1, -1, Number.NaN]) expect(() => epsilonOf([], delta)).toThrow(/delta must be in \(0,1\)/);
    for (const count of [-1, 0.5, Number.NaN]) expect(() => epsilonOf([{ event, count }], 1e-5)).toThrow(/count/);
  });
});

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (isSottoError(error)) return error.code;
    throw error;
  }
  return 'none';
}
