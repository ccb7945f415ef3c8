import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accountCase, type Answer, type CaseResult, type Unsupported } from './account-case.ts';

type Figure = number | 'Infinity';
type Bound = {
  epsilon?: Figure;
  delta?: number;
  noiseMultiplier?: number;
  maxSteps?: number;
  unsupported?: true;
  relTol?: number;
  absTol?: number;
  optimistic?: number;
};
type Curve = { values: number[]; relTol: number };
type GoldenCase = {
  id: string;
  family: string;
  query: { kind: string };
  expect: {
    rdp?: Bound;
    pld?: Bound;
    exact?: Bound;
    exactReplaceOne?: Bound;
    estimate?: { epsilon: number; absTol: number };
    prv?: { lower: number };
    bounds?: { lower: number };
    rdpSensitivityAlreadyDoubled?: Bound;
    rdpCurve?: Curve;
    rdpCurveExact?: Curve;
    zcdp?: Record<string, number>;
    [figure: string]: unknown;
  };
};

/** Fractional orders of the golden RDP lie above the exact ones; these are where its optimum is at one of them. */
const tighter = { families: ['poisson', 'heterogeneous', 'repeat-and-select'], most: 5e-3 };

/**
 * dp-accounting 0.6.0 forgets `count` for randomized response: its PLD of four answers is that of one. Four independent
 * answers all show their true bucket with probability 0.925⁴, so that δ(ε) ≥ 0.73·(1 − e^{ε−14.44}): ε is above 14.4.
 */
const countForgotten = 'randomized-response-s068';

const shared = process.env['SOTTO_SHARED'];
const path = shared === undefined ? undefined : join(shared, 'golden', 'dp-accounting.json');
const found = path !== undefined && existsSync(path);
const required = process.env['SOTTO_REQUIRE'] === 'all';
const value = (figure: Figure | undefined) => (figure === 'Infinity' ? Infinity : (figure ?? Number.NaN));

function answered(result: CaseResult, by: 'pld' | 'rdp'): Answer {
  if ('error' in result) throw result.error;
  const answer = result[by];
  if (answer === undefined) throw new Error(`${result.id}: no answer by ${by}`);
  if (isUnsupported(answer)) throw answer.error;
  return answer;
}

function isUnsupported(answer: Answer | Unsupported): answer is Unsupported {
  return 'unsupported' in answer;
}

function expectNear(got: number | undefined, want: number, relTol: number, absTol = 0): void {
  if (want === Infinity) return expect(got).toBe(Infinity);
  expect(Math.abs((got ?? Number.NaN) - want)).toBeLessThanOrEqual(relTol * Math.abs(want) + absTol);
}

describe.skipIf(!found && !required)(
  `the calculator on every golden case${found ? '' : ' (SKIPPED: SOTTO_SHARED does not name a folder with golden/dp-accounting.json)'}`,
  () => {
    const cases: GoldenCase[] = found ? JSON.parse(readFileSync(path, 'utf8')).cases : [];
    const having = (field: string) => cases.filter((entry) => field in entry.expect);
    const results = new Map<string, CaseResult>();
    const resultOf = (entry: GoldenCase): CaseResult => {
      const result = results.get(entry.id) ?? accountCase(entry);
      results.set(entry.id, result);
      return result;
    };

    it('there are 141', () => expect(cases.length).toBe(141));

    it.each(having('rdp').filter(({ expect: { rdp } }) => rdp?.unsupported === true))(
      '$id: RDP is refused, with a reason',
      (entry) => {
        const result = resultOf(entry);
        const error =
          'error' in result
            ? result.error
            : result.rdp !== undefined && isUnsupported(result.rdp)
              ? result.rdp.error
              : undefined;
        expect(error?.code).toBe('UNSUPPORTED_EVENT');
        expect(error?.message).toMatch(/needs (add-or-remove-one|replace-one)/);
      },
    );

    it.each(having('rdp').filter(({ expect: { rdp } }) => rdp?.unsupported !== true))('$id: RDP', (entry) => {
      const { rdp = {}, estimate } = entry.expect;
      const got = answered(resultOf(entry), 'rdp');
      if (rdp.maxSteps !== undefined) expectNear(got.maxSteps, rdp.maxSteps, 0, rdp.absTol ?? 0);
      if (rdp.noiseMultiplier !== undefined) expectNear(got.noiseMultiplier, rdp.noiseMultiplier, 1e-4);
      if (rdp.delta !== undefined) expectNear(got.delta, rdp.delta, rdp.relTol ?? 0);
      if (rdp.epsilon === undefined) return;
      const want = value(rdp.epsilon);
      const relTol = rdp.relTol ?? 0;
      const epsilon = got.epsilon ?? Number.NaN;
      const fractional = tighter.families.includes(entry.family) && !Number.isInteger(got.order);
      if (!fractional) return expectNear(epsilon, want, relTol, rdp.absTol ?? 0);
      expect(epsilon).toBeLessThanOrEqual(want * (1 + relTol));
      expect(epsilon).toBeGreaterThan(want * (1 - tighter.most));
      if (estimate !== undefined) expect(epsilon).toBeGreaterThanOrEqual(estimate.epsilon - estimate.absTol);
    });

    it.each(having('pld').filter(({ id }) => id !== countForgotten))('$id: PLD', (entry) => {
      const { pld = {}, exact, exactReplaceOne, estimate, prv, bounds } = entry.expect;
      const got = answered(resultOf(entry), 'pld');
      if (pld.noiseMultiplier !== undefined) return expectNear(got.noiseMultiplier, pld.noiseMultiplier, 1e-3);
      if (pld.delta !== undefined) {
        expect(got.delta).toBeLessThanOrEqual(pld.delta * 1.001);
        return expect(got.delta).toBeGreaterThan(pld.delta * 0.99);
      }
      const epsilon = got.epsilon ?? Number.NaN;
      expect(epsilon).toBeLessThanOrEqual(value(pld.epsilon) * 1.001 + 1e-4);
      for (const lower of [pld.optimistic, prv?.lower, bounds?.lower]) {
        if (lower !== undefined) expect(epsilon).toBeGreaterThanOrEqual(lower);
      }
      if (estimate !== undefined) {
        expect(epsilon).toBeGreaterThanOrEqual(estimate.epsilon - estimate.absTol);
        expect(epsilon).toBeLessThanOrEqual(estimate.epsilon * 1.01);
      }
      for (const closed of [exact, exactReplaceOne]) {
        if (closed !== undefined) expectNear(epsilon, value(closed.epsilon), closed.relTol ?? 0);
      }
    });

    it('counts every answer of randomized response, which the golden PLD does not', () => {
      const entry = cases.find(({ id }) => id === countForgotten);
      if (entry === undefined) return expect.unreachable();
      const epsilon = answered(resultOf(entry), 'pld').epsilon ?? Number.NaN;
      // One answer: e^ε₀ = 0.925/0.025. All four at once have δ(ε) = 0.925⁴ − e^ε·0.025⁴.
      const exact = Math.log((0.925 ** 4 - 1e-5) / 0.025 ** 4);
      expect(epsilon).toBeGreaterThanOrEqual(exact);
      expect(epsilon / exact).toBeLessThan(1 + 1e-6);
    });

    it.each(having('exact').filter(({ expect: { exact } }) => [0, 'Infinity'].includes(exact?.epsilon ?? Number.NaN)))(
      '$id: an edge, by both accountants',
      (entry) => {
        const want = value(entry.expect.exact?.epsilon);
        expect(answered(resultOf(entry), 'pld').epsilon).toBe(want);
        expect(answered(resultOf(entry), 'rdp').epsilon).toBe(want);
      },
    );

    it.each(having('rdpSensitivityAlreadyDoubled'))(
      '$id: replace-one doubles the sensitivity, and says what else it could be',
      (entry) => {
        const result = resultOf(entry);
        const already = 'error' in result ? undefined : result.rdpSensitivityAlreadyDoubled;
        expectNear(already?.epsilon, value(entry.expect.rdpSensitivityAlreadyDoubled?.epsilon), 1e-6);
        expect(answered(result, 'rdp').epsilon).toBeGreaterThanOrEqual(value(entry.expect.pld?.epsilon));
      },
    );

    it.each(cases.filter(({ query }) => query.kind === 'rdpCurve'))('$id: the curve', (entry) => {
      const { rdpCurve, rdpCurveExact } = entry.expect;
      const values = answered(resultOf(entry), 'rdp').values ?? [];
      const skellam = entry.family.startsWith('skellam');
      const want = skellam ? rdpCurve : (rdpCurveExact ?? rdpCurve);
      expect(values).toHaveLength(want?.values.length ?? Number.NaN);
      values.forEach((one, index) => {
        expectNear(one, want?.values[index] ?? Number.NaN, want?.relTol ?? 0);
        // What is proven lies above what one number really loses.
        expect(one).toBeGreaterThanOrEqual((rdpCurveExact?.values[index] ?? 0) * (1 - 1e-12));
      });
    });

    it.each(having('zcdp'))('$id: what its RDP comes from', (entry) => {
      const result = resultOf(entry);
      const got = 'error' in result ? undefined : result.zcdp;
      for (const field of ['l2SensitivitySquared', 'tau', 'rhoPerRound', 'epsilon', 'order']) {
        expectNear(got?.[field], entry.expect.zcdp?.[field] ?? Number.NaN, 1e-6);
      }
    });

    it.each(
      [
        'sensitivity',
        'rmsPrefixErrorPerUnitNoise',
        'maxPrefixErrorPerUnitNoise',
        'clippedCountStddev',
        'updateNoiseMultiplier',
      ].flatMap((field) => having(field).map((entry) => ({ field, entry, id: entry.id }))),
    )('$id: $field', ({ field, entry }) => {
      const got = new Map<string, unknown>(Object.entries(resultOf(entry))).get(field);
      expectNear(Number(got), Number(entry.expect[field]), 1e-12);
    });
  },
);
