import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import { completePlan } from './complete-plan.ts';
import type { Plan } from './plan-schema.ts';
import { partLayers, remainingNoiseVariance, removableNoise, unknownNoiseShare } from './session-noise.ts';
import { releaseNoiseVariance, sessionParts } from './session-parts.ts';
import { exampleClients, examplePlan } from './testing/index.ts';

const plan = examplePlan({ clients: 10, minSurvivors: 7, colluding: 2 });
const kept: Plan = { ...plan, cohort: { ...plan.cohort, noise: 'kept' } };
const parts = sessionParts(plan, ['training', 'evaluation']);

describe('a plan whose noise can be removed', () => {
  it('is what a draft becomes where that changes anything, and nothing else is', () => {
    expect(plan.cohort.noise).toBe('removable');
    const noiseOf = (options: Parameters<typeof examplePlan>[0]) => examplePlan(options).cohort.noise;
    expect(noiseOf({ clients: 3 })).toBeUndefined();
    expect(noiseOf({ clients: 10, minSurvivors: 10 })).toBeUndefined();
    expect(noiseOf({ clients: 10, privacy: 'none' })).toBeUndefined();
    expect(noiseOf({ clients: 10, trust: 'local' })).toBeUndefined();
    expect(noiseOf({ clients: 10, trust: 'trusted' })).toBeUndefined();
    const cohort = { minSurvivors: 7, colluding: 2, noise: 'kept' as const };
    expect(noiseOf({ clients: 10, overrides: { cohort } })).toBe('kept');
    // What is complete stays as it is: a signed plan keeps its hash.
    expect(completePlan(kept)).toEqual(kept);
  });

  it('is warned of where there is no noise to take out', () => {
    const local = examplePlan({ trust: 'local', clients: 4 });
    const odd: Plan = { ...local, cohort: { ...local.cohort, noise: 'removable' } };
    const paths = ({ warnings }: ReturnType<typeof checkPlan>) => warnings.map(({ path }) => path);
    expect(paths(checkPlan(odd))).toContain('plan.cohort.noise');
    expect(paths(checkPlan(plan))).not.toContain('plan.cohort.noise');
    expect(removableNoise(odd)).toBeUndefined();
    expect(removableNoise(kept)).toBeUndefined();
    expect(removableNoise({ ...kept, cohort: { minSurvivors: 7, colluding: 2 } })).toBeUndefined();
  });

  it('leaves in a release z²D² for the honest ones of those that survived', () => {
    const names = exampleClients(10).map(({ client }) => client);
    for (const part of parts) {
      const floor = (16 * part.normBoundSteps) ** 2;
      expect(partLayers(plan, part, 10)).toHaveLength(4);
      expect(partLayers(kept, part, 10)).toEqual([part.noiseVarianceSteps]);
      for (const survivors of [7, 8, 9, 10]) {
        const all = remainingNoiseVariance(plan, part, survivors, { clients: 10, whole: [] });
        expect(all / ((survivors * floor) / (survivors - 2))).toBeCloseTo(1, 10);
        // Who says no more keeps the noise of the fewest.
        const two = remainingNoiseVariance(plan, part, survivors, { clients: 10, whole: names.slice(0, 2) });
        expect(two / ((survivors - 2) * (floor / (survivors - 2)) + (2 * floor) / 5)).toBeCloseTo(1, 10);
        expect(remainingNoiseVariance(plan, part, survivors, null)).toBe(releaseNoiseVariance(plan, part, survivors));
      }
      // A session without one of the roster's ten: nine are a full cohort.
      const nine = remainingNoiseVariance(plan, part, 9, { clients: 9, whole: [] });
      expect(nine / ((9 * floor) / 7)).toBeCloseTo(1, 10);
    }
  });

  it('leaves at least the floor against the planned colluders, whoever keeps what', () => {
    const names = exampleClients(10).map(({ client }) => client);
    for (const survivors of [7, 8, 9, 10]) {
      for (let whole = 0; whole <= survivors; whole++) {
        const left = { clients: 10, whole: names.slice(0, whole) };
        const share = unknownNoiseShare(plan, survivors, 2, left);
        expect(share).toBeGreaterThanOrEqual(1);
        expect(share).toBeLessThanOrEqual(unknownNoiseShare(plan, survivors, 2, null));
      }
      expect(unknownNoiseShare(plan, survivors, 2, { clients: 10, whole: [] })).toBe(1);
    }
  });

  it('makes a full cohort carry what it would if no drop were tolerated', () => {
    const tolerant = examplePlan({ clients: 4, minSurvivors: 3 });
    const strict = examplePlan({ clients: 4, minSurvivors: 4 });
    for (const slot of ['training', 'evaluation'] as const) {
      const [part] = sessionParts(tolerant, [slot]);
      const [same] = sessionParts(strict, [slot]);
      const left = remainingNoiseVariance(tolerant, part!, 4, { clients: 4, whole: [] });
      expect(left / releaseNoiseVariance(strict, same!, 4)).toBeCloseTo(1, 12);
      expect(left / releaseNoiseVariance(tolerant, part!, 4)).toBeCloseTo(2 / 3, 12);
    }
  });

  it('tells in its summary the noise of a full cohort, and still counts with all of it for the 32 bits', () => {
    const [removed, whole] = [checkPlan(plan).summary!, checkPlan(kept).summary!];
    removed.slots.forEach((slot, index) => {
      const other = whole.slots[index]!;
      expect((slot.sumNoise / other.sumNoise) ** 2).toBeCloseTo(5 / 8, 10);
      expect(slot.worstSumSteps).toBe(other.worstSumSteps);
      expect(slot.clientNoiseSteps).toBe(other.clientNoiseSteps);
    });
  });
});
