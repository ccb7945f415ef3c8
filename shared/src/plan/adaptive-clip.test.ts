import { describe, expect, it } from 'vitest';
import { applyRelease, decodeServerState, encodeServerState, initialServerState } from '../learning/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { checkPlan, findingText } from './check-plan.ts';
import { planSlots, slotShape } from './plan-slots.ts';
import { releaseFormOf } from './release-form.ts';
import { sessionHeaderFor } from './session-header.ts';
import type { Plan, PlanInput } from './plan-schema.ts';
import { examplePlan, trainingRounds } from './testing/index.ts';

type Clip = NonNullable<Extract<PlanInput['training']['query'], { kind: 'update' }>['adaptiveClip']>;

function adaptivePlan(adaptiveClip: Clip, rounds = 50, noiseMultiplier = 2, first = 0.1): Plan {
  return examplePlan({
    clients: 60,
    unit: 'client',
    evaluateEvery: null,
    overrides: {
      training: {
        query: { kind: 'update', clipNormL2: first, adaptiveClip, localEpochs: 1, batchSize: 8, learningRate: 0.1 },
        strategy: { kind: 'fedAvg' },
        rounds,
        noiseMultiplier,
      },
    },
  });
}

/** Norms of the clients' deltas, 0.3 … 3.25: about one in twelve beside the next. */
const normOf = (client: number): number => 0.3 + 0.05 * client;

function deltaOf(client: number): Float64Array {
  const delta = new Float64Array(14);
  delta[client % 14] = normOf(client);
  return delta;
}

async function boundAfter(plan: Plan, seed = 'adaptive clip'): Promise<number> {
  let bound = 0;
  for await (const { state } of trainingRounds(plan, deltaOf, createSeededRandom(seed))) {
    bound = state.scalars.at(-1)!;
  }
  return bound;
}

describe('the bound of adaptive clipping', () => {
  it.each([
    [0.5, 'a'],
    [0.5, 'b'],
    [0.5, 'c'],
    [0.8, 'd'],
  ])('is within 10 %% of the %f quantile after 50 rounds from 0.1, seed %s', async (quantile, seed) => {
    const bound = await boundAfter(adaptivePlan({ quantile }), seed);
    const truth = normOf(60 * quantile - 0.5);
    expect(Math.abs(bound / truth - 1)).toBeLessThan(0.1);
  });

  it('stays within the plan’s limits', async () => {
    expect(await boundAfter(adaptivePlan({ clipNormMin: 0.01, clipNormMax: 0.4 }))).toBe(0.4);
    expect(await boundAfter(adaptivePlan({ clipNormMin: 5 }, 60, 2, 10))).toBe(5);
  });

  it('scales the model’s step: what is released is the mean of the clipped deltas, up to noise and grid', async () => {
    const plan = examplePlan({
      clients: 60,
      unit: 'client',
      privacy: 'none',
      evaluateEvery: null,
      overrides: { training: { ...adaptivePlan({}, 3).training, noiseMultiplier: undefined } },
    });
    let before = new Float64Array(14);
    for await (const { clipNormL2, sum, contributions, state } of trainingRounds(
      plan,
      deltaOf,
      createSeededRandom('x'),
    )) {
      const plain = contributions.reduce((total, integers) => total.map((value, index) => value + integers[index]!));
      expect(sum).toEqual(plain);
      const clipped = new Float64Array(14);
      for (let client = 0; client < 60; client++) clipped[client % 14]! += Math.min(normOf(client), clipNormL2!) / 60;
      clipped.forEach((value, index) => {
        expect(Math.abs(state.weights[index]! - before[index]! - value)).toBeLessThan(2e-3 * value);
      });
      before = state.weights.slice();
    }
  });

  it('replays bit for bit, also from stored bytes', () => {
    const plan = adaptivePlan({});
    const form = releaseFormOf(plan);
    const { strategy } = plan.training;
    const mean = Float64Array.from({ length: 15 }, (_, index) => (index === 14 ? -0.31 : index / 7));
    const first = initialServerState(strategy, new Float32Array(14), form);
    expect(first.scalars).toEqual([0.1]);
    const once = applyRelease(strategy, first, mean, form);
    const again = applyRelease(strategy, decodeServerState(encodeServerState(once)), mean, form);
    expect(encodeServerState(again)).toEqual(encodeServerState(applyRelease(strategy, once, mean, form)));
    // 0.1·exp(-0.2·(0.19 - 0.5))
    expect(once.scalars[0]).toBeCloseTo(0.1 * Math.exp(0.062), 15);
    expect(() => applyRelease(strategy, first, mean.subarray(1), form)).toThrow(/14 coordinates and 1 more, got 14/);
  });
});

describe('a plan with adaptive clipping', () => {
  it('is one event of the joint vector, whatever the bound', () => {
    const plan = adaptivePlan({});
    expect(checkPlan(plan).problems).toEqual([]);
    expect(slotShape(plan, 'training')).toMatchObject({ dimension: 15, clipNormL2: 1 });
    expect(planSlots(plan)).toHaveLength(1);
    expect(planSlots(plan)[0]!.event).toMatchObject({ dimension: 15, noiseMultiplier: 2, samplingNumerator: 2 ** 32 });
  });

  it.each<[Clip, number, RegExp]>([
    [
      { clippedCountStddev: 1 },
      2,
      /clippedCountStddev: .*Quantile noise too small: raise clippedCountStddev above z\/2/,
    ],
    [{}, 6, /Quantile noise too small/],
    [{ clippedCountStddev: 1e6 }, 2, /Quantile noise too large/],
    [{ clipNormMin: 0.2 }, 2, /clipNormL2: the bound begins at 0\.1, outside of its limits 0\.2/],
  ])('is refused: %j at noise multiplier %d', (clip, noiseMultiplier, message) => {
    const { problems } = checkPlan(adaptivePlan(clip, 50, noiseMultiplier));
    expect(problems.map(findingText).join('\n')).toMatch(message);
  });

  it('names the round’s bound in the header, within its limits; other plans name none', () => {
    const facts = { planHash: '1'.repeat(64), runId: 'a'.repeat(32), round: 2, attempt: 2, modelHash: '2'.repeat(64) };
    const plan = adaptivePlan({ clipNormMax: 2 });
    expect(sessionHeaderFor(plan, { ...facts, clipNormL2: 1.5 }).clipNormL2).toBe(1.5);
    expect(() => sessionHeaderFor(plan, { ...facts, clipNormL2: 2.5 })).toThrow(
      /within \[0\.0001, 2\] is needed, got 2\.5/,
    );
    expect(() => sessionHeaderFor(plan, facts)).toThrow(/got none/);
    expect(() => sessionHeaderFor(examplePlan(), { ...facts, clipNormL2: 1 })).toThrow(/the plan fixes its own/);
  });
});
