import { describe, expect, it } from 'vitest';
import { completePlan, type Plan, type PlanDraft } from '../plan/index.ts';
import { examplePlan } from '../plan/testing/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { auditPower } from './audit-power.ts';

const long = process.env['SOTTO_LONG'] === '1';
const repeats = long ? 40 : 3;
const size = { canaries: 10_000, guesses: 500 };

/** One release over every record, its noise calibrated to ε. */
function planOf(epsilon: number): Plan {
  const { privacy: _privacy, training, ...rest } = examplePlan({ evaluateEvery: null, spareAttempts: 0 });
  const { noiseMultiplier: _noise, ...untuned } = training;
  return completePlan({
    ...rest,
    privacy: { kind: 'dp', delta: 1e-5, epsilon },
    training: {
      ...untuned,
      query: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.5, expectedBatch: 100 },
      rounds: 1,
    },
  } satisfies PlanDraft);
}

function power(epsilon: number, noiseFactor: number) {
  return auditPower(planOf(epsilon), {
    ...size,
    repeats,
    noiseDraws: 200_000,
    noiseFactor,
    randomOf: (purpose) => createSeededRandom(`power/${epsilon}/${noiseFactor}/${purpose}`),
    allowInsecureRandom: true,
  });
}

describe(`an audit with 10,000 canaries and 500 guesses, ${repeats} times each`, () => {
  it('flags halved noise in at least 80 % of the runs at ε = 1, 2 and 4', { timeout: 600_000 }, async () => {
    const powers = [await power(1, 0.5), await power(2, 0.5), await power(4, 0.5)];
    for (const { flagged } of powers) expect(flagged).toBeGreaterThanOrEqual(0.8);
    // The canaries alone: 84, 96 and 79 % are expected, from the normal distribution and the theorem's bound.
    const alone = powers.map(({ flaggedByBound }) => flaggedByBound);
    expect(alone.reduce((sum, share) => sum + share, 0) / 3).toBeGreaterThanOrEqual(long ? 0.8 : 0.65);
    for (const share of alone) expect(share).toBeGreaterThanOrEqual(long ? 0.65 : 0.3);
  });

  it('flags correct noise in at most 5 % of the runs', { timeout: 600_000 }, async () => {
    for (const epsilon of [1, 2, 4]) {
      const { flagged, bounds } = await power(epsilon, 1);
      expect(flagged).toBeLessThanOrEqual(0.05);
      // And it does see something: about half of ε.
      const mean = bounds.reduce((sum, bound) => sum + bound, 0) / bounds.length;
      expect(mean / epsilon).toBeGreaterThan(0.3);
      expect(mean / epsilon).toBeLessThan(0.7);
    }
  });
});
