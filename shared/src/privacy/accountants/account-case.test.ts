import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountCase, type Answer, type CaseResult } from './account-case.ts';
import { gaussianDelta, gaussianEpsilon } from './analytic-gaussian.ts';
import { noiseSplit } from './noise-split.ts';

type Json = Readonly<Record<string, unknown>>;
type VectorCase = {
  id: string;
  expect: {
    pld?: { upper: number; lower: number | null };
    rdp?: { epsilon: number; order: number };
    rdpSensitivityAlreadyDoubled?: { epsilon: number };
  };
};

const vectors: { cases: VectorCase[] } = JSON.parse(
  readFileSync(new URL('vectors/accounting-cases.json', import.meta.url), 'utf8'),
);

function answered(result: CaseResult, by: 'pld' | 'rdp'): Answer {
  if ('error' in result) throw result.error;
  const answer = result[by];
  if (answer === undefined) throw new Error(`no answer by ${by}`);
  if ('unsupported' in answer) throw answer.error;
  return answer;
}

function epsilonOf(events: Json[], delta: number, by: 'pld' | 'rdp', neighboring = 'add-or-remove-one'): number {
  return (
    answered(accountCase({ neighboring, events, query: { kind: 'epsilon', delta, accountant: by } }), by).epsilon ??
    Number.NaN
  );
}

function errorOf(value: unknown) {
  const result = accountCase(value);
  return 'error' in result ? { code: result.error.code, message: result.error.message } : expect.unreachable();
}

const gaussian = (noiseMultiplier: number, count = 1) => ({ type: 'gaussian', noiseMultiplier, count });
const poisson = (samplingProbability: number, inner: Json, count = 1) => ({
  type: 'poisson',
  samplingProbability,
  inner,
  count,
});
const laplace = (noiseMultiplier: number, count = 1) => ({ type: 'laplace', noiseMultiplier, count });
const response = (noiseParameter: number, buckets: number, count = 1) => ({
  type: 'randomizedResponse',
  noiseParameter,
  buckets,
  count,
});
const ask = (events: Json[], query: Json = { kind: 'epsilon', delta: 1e-5 }, neighboring = 'add-or-remove-one') => ({
  id: 1,
  neighboring,
  events,
  query,
});

describe('the calculator, beside another implementation', () => {
  it.each(vectors.cases.filter((entry) => entry.expect.pld !== undefined))('$id: PLD between its bounds', (entry) => {
    const { upper = Number.NaN, lower } = entry.expect.pld ?? {};
    const epsilon = answered(accountCase(entry), 'pld').epsilon ?? Number.NaN;
    expect(epsilon).toBeLessThanOrEqual(upper * 1.001 + 1e-4);
    expect(epsilon).toBeGreaterThanOrEqual(lower ?? upper * 0.999 - 1e-4);
  });

  it.each(vectors.cases.filter((entry) => entry.expect.rdp !== undefined))('$id: RDP', (entry) => {
    const { epsilon: want = Number.NaN, order = Number.NaN } = entry.expect.rdp ?? {};
    const epsilon = answered(accountCase(entry), 'rdp').epsilon ?? Number.NaN;
    expect(epsilon).toBeLessThanOrEqual(want * (1 + 1e-6));
    // At fractional orders of sampled noise its series lies above the exact value.
    const sampled = JSON.stringify(entry).includes('poisson') && !Number.isInteger(order);
    expect(epsilon).toBeGreaterThanOrEqual(want * (1 - (sampled ? 5e-3 : 1e-6)));
  });

  it('doubles the sensitivity under replace-one, and says what half of it would be', () => {
    const entry = vectors.cases.find(
      ({ expect: { rdpSensitivityAlreadyDoubled } }) => rdpSensitivityAlreadyDoubled !== undefined,
    );
    const result = accountCase(entry);
    if ('error' in result) return expect.unreachable();
    const want = entry?.expect.rdpSensitivityAlreadyDoubled?.epsilon ?? Number.NaN;
    expect((result.rdpSensitivityAlreadyDoubled?.epsilon ?? 0) / want).toBeCloseTo(1, 6);
    expect(epsilonOf([gaussian(12, 50)], 1e-5, 'rdp', 'replace-one')).toBe(epsilonOf([gaussian(6, 50)], 1e-5, 'rdp'));
  });
});

describe('the calculator, beside closed forms', () => {
  it('Laplace once: δ = 1 − e^{(ε − 1/b)/2}', () => {
    for (const [scale, delta] of [
      [1, 1e-5],
      [0.3, 1e-12],
      [20, 1e-3],
    ] as const) {
      const exact = 1 / scale + 2 * Math.log1p(-delta);
      const epsilon = epsilonOf([laplace(scale)], delta, 'pld');
      expect(epsilon).toBeGreaterThanOrEqual(exact);
      expect(epsilon).toBeLessThan(exact * (1 + 1e-6) + 1e-7);
    }
  });

  it('randomized response over two buckets, n times: the binomial sum', () => {
    const [keep, count, delta] = [0.8, 12, 1e-3];
    const logOdds = Math.log(keep / (1 - keep));
    const exactDelta = (epsilon: number) => {
      let sum = 0;
      let binomial = 1;
      for (let kept = 0; kept <= count; kept += 1) {
        const mass = binomial * keep ** kept * (1 - keep) ** (count - kept);
        const loss = (2 * kept - count) * logOdds;
        if (loss > epsilon) sum += mass * -Math.expm1(epsilon - loss);
        binomial *= (count - kept) / (kept + 1);
      }
      return sum;
    };
    const epsilon = epsilonOf([response(0.4, 2, count)], delta, 'pld', 'replace-one');
    expect(exactDelta(epsilon)).toBeLessThanOrEqual(delta);
    expect(exactDelta(epsilon * (1 - 1e-5))).toBeGreaterThan(delta);
  });

  it('pure losses add up at δ = 0, all others are infinite', () => {
    const pure = [laplace(2, 3), { type: 'epsDelta', epsilon: 0.5, delta: 0, count: 2 }];
    expect(epsilonOf(pure, 0, 'pld')).toBeCloseTo(2.5, 12);
    expect(epsilonOf(pure, 0, 'pld')).toBeGreaterThanOrEqual(2.5);
    expect(epsilonOf([laplace(2)], 0, 'rdp', 'add-or-remove-one')).toBe(Infinity);
    expect(epsilonOf([gaussian(3)], 0, 'pld')).toBe(Infinity);
    expect(epsilonOf([{ type: 'epsDelta', epsilon: 0.1, delta: 1e-4, count: 1 }], 1e-5, 'pld')).toBe(Infinity);
  });

  it('Gaussians beside a sliver of another mechanism cost what they cost alone', () => {
    for (const [z, count, delta] of [
      [2, 1, 1e-5],
      [30, 500, 1e-9],
      [0.15, 1, 1e-6],
    ] as const) {
      const exact = gaussianEpsilon(Math.sqrt(count) / z, delta);
      const epsilon = epsilonOf([gaussian(z, count), laplace(1e9)], delta, 'pld');
      expect(epsilon).toBeGreaterThanOrEqual(exact);
      expect(epsilon / exact).toBeLessThan(1 + 1e-4);
    }
  });

  it('replace-one of everything sampled is a Gaussian of half the noise, and so are its neighbours', () => {
    const exact = gaussianEpsilon(2 / 3, 1e-5);
    expect(epsilonOf([poisson(1, gaussian(3))], 1e-5, 'pld', 'replace-one') / exact).toBeCloseTo(1, 9);
    const nearly = epsilonOf([poisson(1 - 1e-9, gaussian(3))], 1e-5, 'pld', 'replace-one');
    expect(nearly / exact).toBeCloseTo(1, 4);
  });

  it('δ of a Gaussian, and of a sampled mixture at the ε that has it', () => {
    const deltaOf = (events: Json[], epsilon: number) =>
      answered(accountCase(ask(events, { kind: 'delta', epsilon })), 'pld').delta ?? Number.NaN;
    expect(deltaOf([gaussian(1.5)], 3) / gaussianDelta(1 / 1.5, 3)).toBeCloseTo(1, 9);
    for (const delta of [1e-3, 1e-6, 1e-11]) {
      const events = [poisson(0.02, gaussian(0.9), 100), laplace(8, 3)];
      const back = deltaOf(events, epsilonOf(events, delta, 'pld'));
      expect(back / delta).toBeGreaterThan(0.99);
      expect(back / delta).toBeLessThan(1 + 1e-4);
    }
  });

  it('a batch that holds everybody is no truncation, and one for nobody releases nothing', () => {
    const truncated = {
      type: 'truncatedPoisson',
      datasetSize: 50,
      samplingProbability: 0.2,
      maxBatch: 50,
      noiseMultiplier: 2,
      count: 10,
    };
    const plain = epsilonOf([poisson(0.2, gaussian(2), 10)], 1e-5, 'pld');
    expect(epsilonOf([truncated], 1e-5, 'pld')).toBe(plain);
    expect(epsilonOf([{ ...truncated, maxBatch: 49 }], 1e-5, 'pld') / plain).toBeCloseTo(1, 3);
    expect(epsilonOf([{ ...truncated, maxBatch: 8 }], 1e-5, 'pld')).toBeGreaterThan(plain * 1.1);
    expect(epsilonOf([{ ...truncated, maxBatch: 0 }], 1e-5, 'pld')).toBe(0);
  });

  it('a subset of everything is a Gaussian; Gaussians on one sample are one', () => {
    const all = { type: 'withoutReplacement', datasetSize: 10, sampleSize: 10, inner: gaussian(4), count: 3 };
    expect(epsilonOf([all], 1e-5, 'rdp', 'replace-one')).toBe(epsilonOf([gaussian(4, 3)], 1e-5, 'rdp'));
    const two = { type: 'composed', events: [gaussian(3), gaussian(4)] };
    expect(
      epsilonOf([poisson(0.1, two, 20)], 1e-5, 'pld') / epsilonOf([poisson(0.1, gaussian(2.4), 20)], 1e-5, 'pld'),
    ).toBeCloseTo(1, 12);
  });

  it('nothing costs nothing, and no noise everything', () => {
    for (const by of ['pld', 'rdp'] as const) {
      expect(epsilonOf([gaussian(1, 0)], 1e-5, by)).toBe(0);
      expect(epsilonOf([poisson(0, gaussian(1), 1_000)], 1e-5, by)).toBe(0);
      expect(epsilonOf([response(1, 5, 9)], 1e-5, by, 'replace-one')).toBe(0);
      expect(epsilonOf([gaussian(0)], 1e-5, by)).toBe(Infinity);
      expect(epsilonOf([poisson(0.1, gaussian(0))], 1e-5, by)).toBe(Infinity);
      expect(epsilonOf([response(0, 5)], 1e-5, by, 'replace-one')).toBe(Infinity);
      expect(epsilonOf([laplace(0)], 1e-5, by)).toBe(Infinity);
    }
  });
});

describe('the calculator, by its properties', () => {
  const rate = fc.double({ min: -4, max: 0, noNaN: true }).map((power) => 10 ** power);
  const noise = fc.double({ min: -0.2, max: 1.5, noNaN: true }).map((power) => 10 ** power);
  const logDelta = fc.double({ min: -11, max: -1, noNaN: true }).map((power) => 10 ** power);
  const times = fc.integer({ min: 1, max: 300 });

  it('more releases, more sampling, less noise and a smaller δ never lower ε', () => {
    fc.assert(
      fc.property(rate, noise, times, logDelta, (q, z, count, delta) => {
        for (const by of ['pld', 'rdp'] as const) {
          const here = epsilonOf([poisson(q, gaussian(z), count)], delta, by);
          const near = here * (1 - 1e-3) - 1e-9;
          expect(epsilonOf([poisson(q, gaussian(z), count * 2)], delta, by)).toBeGreaterThanOrEqual(near);
          expect(epsilonOf([poisson(Math.min(1, q * 1.5), gaussian(z), count)], delta, by)).toBeGreaterThanOrEqual(
            near,
          );
          expect(epsilonOf([poisson(q, gaussian(z * 0.8), count)], delta, by)).toBeGreaterThanOrEqual(near);
          expect(epsilonOf([poisson(q, gaussian(z), count)], delta / 10, by)).toBeGreaterThanOrEqual(near);
        }
      }),
      { seed: 4, numRuns: 12 },
    );
  });

  it('PLD is at most RDP where both know the mechanism', () => {
    const event = fc.oneof(
      fc.tuple(noise, times).map(([z, count]) => gaussian(z, count)),
      fc.tuple(noise, times).map(([z, count]) => laplace(z, count)),
      fc.tuple(rate, noise, times).map(([q, z, count]) => poisson(q, gaussian(z), count)),
      fc
        .tuple(noise, fc.integer({ min: 1, max: 4 }), times)
        .map(([sigma, sensitivity, count]) => ({ type: 'discreteGaussian', sigma: sigma + 0.5, sensitivity, count })),
    );
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 3 }), logDelta, (events, delta) => {
        const rdp = epsilonOf(events, delta, 'rdp');
        expect(epsilonOf(events, delta, 'pld')).toBeLessThanOrEqual(rdp * (1 + 1e-3) + 1e-9);
      }),
      { seed: 5, numRuns: 25 },
    );
  });

  it('absurd numbers get a figure from 0 up or a reason, never none', () => {
    const noiseAny = fc.constantFrom(0, 1e-9, 0.02, 1, 1e6, 1e300);
    const rateAny = fc.constantFrom(0, 1e-300, 1e-6, 0.5, 1 - 1e-16, 1);
    const timesAny = fc.constantFrom(0, 1, 50, 1e6, 2 ** 40);
    const event = fc.oneof(
      fc.tuple(noiseAny, timesAny).map(([z, count]) => gaussian(z, count)),
      fc.tuple(noiseAny, timesAny).map(([z, count]) => laplace(z, count)),
      fc.tuple(rateAny, noiseAny, timesAny).map(([q, z, count]) => poisson(q, gaussian(z), count)),
      fc.tuple(rateAny, noiseAny).map(([q, z]) => poisson(q, laplace(z), 3)),
      fc.tuple(rateAny, timesAny).map(([p, count]) => response(p, 7, count)),
      fc
        .tuple(noiseAny, rateAny, timesAny)
        .map(([epsilon, delta, count]) => ({ type: 'epsDelta', epsilon, delta, count })),
    );
    const query = fc.oneof(
      fc.constantFrom(0, 1e-300, 1e-9, 0.5).map((delta) => ({ kind: 'epsilon', delta })),
      noiseAny.map((epsilon) => ({ kind: 'delta', epsilon })),
    );
    const relation = fc.constantFrom('add-or-remove-one', 'replace-one', 'replace-special');
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 2 }), query, relation, (events, asked, neighboring) => {
        const result = accountCase(ask(events, asked, neighboring));
        if ('error' in result) {
          expect(result.error.message).not.toBe('');
          return;
        }
        for (const answer of [result.pld, result.rdp]) {
          if (answer === undefined) return expect.unreachable();
          if ('unsupported' in answer) expect(answer.error.message).not.toBe('');
          else expect(asked.kind === 'epsilon' ? answer.epsilon : answer.delta).toBeGreaterThanOrEqual(0);
        }
      }),
      { seed: 6, numRuns: 60 },
    );
  });

  it('what is listed apart costs what it costs together', () => {
    const together = epsilonOf([poisson(0.03, gaussian(1.2), 60), laplace(9, 4)], 1e-6, 'pld');
    const apart = [laplace(9, 1), poisson(0.03, gaussian(1.2), 20), laplace(9, 3), poisson(0.03, gaussian(1.2), 40)];
    expect(epsilonOf(apart, 1e-6, 'pld') / together).toBeCloseTo(1, 9);
    const nested = [{ type: 'composed', events: [poisson(0.03, gaussian(1.2), 15), laplace(9)], count: 4 }];
    expect(epsilonOf(nested, 1e-6, 'pld') / together).toBeCloseTo(1, 9);
  });

  it('a calibrated noise, rate and number of steps keep the target, and the next does not', () => {
    const events = (q: number, z: number, count = 100) => [poisson(q, gaussian(z), count)];
    const target = { epsilon: 2, delta: 1e-5 };
    const of = (query: Json, by: 'pld' | 'rdp', list = events(0.05, 1.3)) =>
      answered(accountCase(ask(list, { ...target, ...query, accountant: by })), by);
    for (const by of ['pld', 'rdp'] as const) {
      const sigma = of({ kind: 'calibrateSigma' }, by).noiseMultiplier ?? Number.NaN;
      expect(epsilonOf(events(0.05, sigma), 1e-5, by)).toBeLessThanOrEqual(2);
      expect(epsilonOf(events(0.05, sigma * 0.998), 1e-5, by)).toBeGreaterThan(2);
      const rateFound = of({ kind: 'calibrateSampling' }, by).samplingProbability ?? Number.NaN;
      expect(epsilonOf(events(rateFound, 1.3), 1e-5, by)).toBeLessThanOrEqual(2);
      expect(epsilonOf(events(rateFound * 1.002, 1.3), 1e-5, by)).toBeGreaterThan(2);
    }
    const { maxSteps = 0, epsilonAt, epsilonAtNext } = of({ kind: 'maxSteps' }, 'pld', events(0.05, 1.3, 1));
    expect(epsilonAt).toBeLessThanOrEqual(2);
    expect(epsilonAtNext).toBeGreaterThan(2);
    expect(epsilonOf(events(0.05, 1.3, maxSteps), 1e-5, 'pld')).toBe(epsilonAt);
    expect(of({ kind: 'maxSteps' }, 'rdp', events(0, 1, 1)).maxSteps).toBe(Infinity);
    expect(of({ kind: 'maxSteps' }, 'rdp', events(0.5, 0.3, 1)).maxSteps).toBe(0);
  });
});

describe('the calculator refuses', () => {
  it.each([
    ['an unknown event', ask([{ type: 'exponential', epsilon: 1 }]), 'UNSUPPORTED_EVENT', /events\.0/],
    ['a field that it does not know', ask([{ ...gaussian(1), clip: 2 }]), 'INVALID_INPUT', /clip/],
    [
      'no neighbouring',
      { events: [gaussian(1)], query: { kind: 'epsilon', delta: 1e-5 } },
      'INVALID_INPUT',
      /state add-or-remove-one, replace-special \(zero-out\) or replace-one; epsilon differs about 2x/,
    ],
    ['noise below 0', ask([gaussian(-1)]), 'INVALID_INPUT', /noiseMultiplier -1/],
    [
      'noise that is no number',
      ask([{ type: 'gaussian', noiseMultiplier: 'Infinity' }]),
      'INVALID_INPUT',
      /noiseMultiplier "Infinity"/,
    ],
    ['a rate above 1', ask([poisson(1.2, gaussian(1))]), 'INVALID_INPUT', /samplingProbability 1\.2/],
    ['half a round', ask([gaussian(1, 0.5)]), 'INVALID_INPUT', /count 0\.5/],
    ['a negative count', ask([gaussian(1, -1)]), 'INVALID_INPUT', /count -1/],
    ['δ of 1', ask([gaussian(1)], { kind: 'epsilon', delta: 1 }), 'INVALID_INPUT', /delta 1: delta must be in \(0,1\)/],
    ['δ below 0', ask([gaussian(1)], { kind: 'epsilon', delta: -1e-5 }), 'INVALID_INPUT', /delta must be in \(0,1\)/],
    [
      'a target at δ = 0',
      ask([gaussian(1)], { kind: 'calibrateSigma', epsilon: 1, delta: 0 }),
      'INVALID_INPUT',
      /delta must be in \(0,1\)/,
    ],
    [
      'δ of a unit',
      ask([gaussian(1)], { kind: 'epsilon', delta: 0.001, units: 500 * 2 }),
      'INVALID_INPUT',
      /delta 0\.001 is not below 1\/units \(1\/1000\): the guarantee would allow exposing a unit/,
    ],
    [
      'a larger subset than there is',
      ask(
        [{ type: 'withoutReplacement', datasetSize: 10, sampleSize: 11, inner: gaussian(1) }],
        undefined,
        'replace-one',
      ),
      'UNSUPPORTED_EVENT',
      /sampleSize 11/,
    ],
    [
      'a subset under add-or-remove',
      ask([{ type: 'withoutReplacement', datasetSize: 10, sampleSize: 5, inner: gaussian(1) }]),
      'UNSUPPORTED_EVENT',
      /needs replace-one/,
    ],
    [
      'shuffling as Poisson',
      ask([{ ...poisson(0.1, gaussian(1)), samplingDone: 'shuffled' }]),
      'UNSUPPORTED_EVENT',
      /Sampling done is shuffled but accounting assumes Poisson/,
    ],
    [
      'fixed-size cohorts as Poisson',
      ask([{ ...poisson(0.1, gaussian(1)), samplingDone: 'fixed-size' }]),
      'UNSUPPORTED_EVENT',
      /Sampling done is fixed-size/,
    ],
    [
      'randomized response of an absent unit',
      ask([response(0.5, 4)]),
      'UNSUPPORTED_EVENT',
      /needs replace-one or replace-special/,
    ],
    [
      'a tree under add-or-remove',
      ask([{ type: 'tree', noiseMultiplier: 2, stepCounts: 8 }]),
      'UNSUPPORTED_EVENT',
      /needs replace-special/,
    ],
    [
      'a sampled tree',
      ask([poisson(0.1, { type: 'tree', noiseMultiplier: 2, stepCounts: 8 })]),
      'UNSUPPORTED_EVENT',
      /of tree/,
    ],
    [
      'Laplace under replace-one',
      ask([laplace(1)], undefined, 'replace-one'),
      'UNSUPPORTED_EVENT',
      /under replace-one the sensitivity is another/,
    ],
    [
      'a sensitivity of half a step',
      ask([{ type: 'discreteGaussian', sigma: 2, sensitivity: 0.5 }]),
      'INVALID_INPUT',
      /sensitivity 0\.5/,
    ],
    [
      'more noise shares than clients',
      ask(
        [
          {
            type: 'distributedDiscreteGaussian',
            clip: 1,
            granularity: 0.1,
            dimension: 5,
            beta: 0,
            clients: 5,
            noisyClients: 6,
            localStddev: 1,
          },
        ],
        undefined,
        'replace-special',
      ),
      'UNSUPPORTED_EVENT',
      /noisyClients 6 of clients 5/,
    ],
    [
      'rising bands that overlap',
      ask(
        [
          {
            type: 'bandedToeplitz',
            rounds: 8,
            bands: 3,
            minSeparation: 2,
            maxParticipations: 2,
            coefficients: [1, 2, 3],
            noiseStddevOverClip: 1,
          },
        ],
        undefined,
        'replace-special',
      ),
      'UNSUPPORTED_EVENT',
      /overlap/,
    ],
    ['no events', ask([]), 'INVALID_INPUT', /at least one event/],
    ['orders of 1', ask([gaussian(1)], { kind: 'rdpCurve', orders: [1] }), 'INVALID_INPUT', /orders/],
    [
      'two noises to calibrate at once',
      ask([gaussian(1), gaussian(2)], { kind: 'calibrateSigma', epsilon: 1, delta: 1e-5 }),
      'INVALID_INPUT',
      /2 values of noiseMultiplier/,
    ],
    [
      'an ε out of reach',
      ask([gaussian(1), laplace(0.1)], { kind: 'calibrateSampling', epsilon: 1, delta: 1e-5 }),
      'INVALID_INPUT',
      /0 values of samplingProbability/,
    ],
    ['text', 'gaussian', 'INVALID_INPUT', /case "gaussian"/],
  ] as const)('%s', (_what, value, code, message) => {
    const error = errorOf(value);
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it('one accountant alone, and says why', () => {
    const result = accountCase(ask([poisson(0.1, gaussian(2), 10)], undefined, 'replace-one'));
    if ('error' in result) return expect.unreachable();
    expect(result.pld).toHaveProperty('epsilon');
    expect(result.rdp).toMatchObject({ unsupported: true, error: { code: 'UNSUPPORTED_EVENT' } });
  });

  it('an unreachable target, with what can be reached', () => {
    const error = errorOf(
      ask([poisson(0.5, gaussian(1), 10), { type: 'epsDelta', epsilon: 2, delta: 0 }], {
        kind: 'calibrateSigma',
        epsilon: 1,
        delta: 1e-5,
        accountant: 'pld',
      }),
    );
    expect(error.message).toMatch(
      /out of reach: noiseMultiplier .* gives [12]\.\d+; lower the counts or the sampling, or raise delta/,
    );
  });
});

describe('noiseSplit', () => {
  it('spends together what one sum spends alone', () => {
    const { clippedCountStddev, updateNoiseMultiplier } = noiseSplit(1.3, 60);
    const together = [
      poisson(
        0.1,
        { type: 'composed', events: [gaussian(updateNoiseMultiplier), gaussian(2 * clippedCountStddev)] },
        50,
      ),
    ];
    const alone = [poisson(0.1, gaussian(1.3), 50)];
    expect(epsilonOf(together, 1e-5, 'pld') / epsilonOf(alone, 1e-5, 'pld')).toBeCloseTo(1, 10);
  });

  it('refuses a count whose noise alone costs more', () => {
    const message = /Quantile noise too small: raise clippedCountStddev above z\/2/;
    expect(() => noiseSplit(2, 20)).toThrow(message);
    expect(() => noiseSplit(1, 100, 0.5)).toThrow(message);
    expect(noiseSplit(1, 100, 0.51).updateNoiseMultiplier).toBeGreaterThan(5);
    expect(errorOf(ask([], { kind: 'noiseSplit', noiseMultiplier: 3, clientsPerRound: 10 })).message).toMatch(message);
    expect(() => noiseSplit(Number.NaN, 100)).toThrow(/noiseMultiplier NaN/);
  });
});
