import { describe, expect, it } from 'vitest';
import { layoutLength } from '../vector/index.ts';
import { evaluationCount, planSlots, sessionCount, slotsOfRound } from './plan-slots.ts';
import { coordinatorNoiseVariance, releaseNoiseVariance, sessionParts, sumMaxSteps } from './session-parts.ts';
import { sessionHeaderFor } from './session-header.ts';
import { requireSoundPlan } from './check-plan.ts';
import type { Plan } from './plan-schema.ts';
import { examplePlan } from './testing/index.ts';
import { modelLayout } from '../model/index.ts';

const facts = { planHash: 'ab'.repeat(32), runId: 'cd'.repeat(16), attempt: 1, modelHash: 'ef'.repeat(32) };

describe('slots', () => {
  it('evaluation rides along in rounds 1 + every, 1 + 2·every, … and alone after the last round', () => {
    const plan = examplePlan({ rounds: 7, evaluateEvery: 3, spareAttempts: 0 });
    const rounds = Array.from({ length: 10 }, (_, round) => slotsOfRound(plan, round));
    expect(rounds.map((slots) => slots.join('+'))).toEqual([
      '',
      'training',
      'training',
      'training',
      'training+evaluation',
      'training',
      'training',
      'training+evaluation',
      'evaluation',
      '',
    ]);
  });

  it('counts are those of the rounds, plus every spare attempt for each slot', () => {
    for (const rounds of [1, 2, 3, 6, 7, 20]) {
      for (const evaluateEvery of [1, 2, 3, 50, null]) {
        const plan = examplePlan({ rounds, evaluateEvery, spareAttempts: 5 });
        const all = Array.from({ length: rounds + 1 }, (_, index) => slotsOfRound(plan, index + 1));
        const sessions = all.filter((slots) => slots.length > 0);
        expect(sessionCount(plan)).toBe(sessions.length);
        expect(evaluationCount(plan)).toBe(all.flat().filter((slot) => slot === 'evaluation').length);
        const counts = Object.fromEntries(planSlots(plan).map(({ slot, count }) => [slot, count]));
        expect(counts.training).toBe(rounds + 5);
        expect(counts.evaluation).toBe(evaluateEvery === null ? undefined : evaluationCount(plan) + 5);
      }
    }
  });

  it('an event says all that an accountant needs', () => {
    const [training, evaluation] = planSlots(examplePlan({ clients: 5, data: 'digits', hidden: 8 }));
    expect(training!.event).toEqual({
      kind: 'sampledGaussianSum',
      version: 1,
      unit: 'record',
      adjacency: 'addOrRemove',
      part: 'train',
      query: 'gradient',
      samplingNumerator: 2 ** 30,
      noiseMultiplier: 16,
      normBoundSteps: Math.floor(1_024 * Math.sqrt(64 * 8 + 8 + 8 * 10 + 10)),
      gridStepsPerRms: 1_024,
      dimension: 64 * 8 + 8 + 8 * 10 + 10,
      noise: 'distributedDiscreteGaussian',
      minSurvivors: 4,
      colluding: 1,
      numericSlack: 0,
    });
    expect(evaluation!.event).toMatchObject({ part: 'validation', samplingNumerator: 2 ** 32, dimension: 3 });
  });

  it('at unit = client nothing is disjoint, so every event is over all parts', () => {
    const events = planSlots(examplePlan({ unit: 'client' })).map(({ event }) => event);
    expect(events.map((event) => event?.part)).toEqual(['all', 'all']);
    expect(events[0]).toMatchObject({ unit: 'client', query: 'update', samplingNumerator: 2 ** 32 });
  });

  it('privacy none has no events', () => {
    expect(planSlots(examplePlan({ privacy: 'none' })).map(({ event }) => event)).toEqual([null, null]);
  });
});

describe('session parts', () => {
  it('noise of the fewest survivors without the colluders is z·D', () => {
    const plan = examplePlan({ clients: 7, minSurvivors: 6, colluding: 2 });
    for (const part of sessionParts(plan, ['training', 'evaluation'])) {
      expect(Math.sqrt((6 - 2) * part.noiseVarianceSteps)).toBeCloseTo(16 * part.normBoundSteps, 6);
      expect(coordinatorNoiseVariance(plan, part)).toBe(0);
      expect(releaseNoiseVariance(plan, part, 7)).toBeCloseTo(7 * part.noiseVarianceSteps, 6);
    }
  });

  it('in trusted mode the coordinator adds z·D and the clients nothing', () => {
    const plan = examplePlan({ clients: 2, trust: 'trusted' });
    const [part] = sessionParts(plan, ['training']);
    expect(part!.noiseVarianceSteps).toBe(0);
    expect(coordinatorNoiseVariance(plan, part!)).toBeCloseTo((16 * part!.normBoundSteps) ** 2, 6);
    expect(planSlots(plan)[0]!.event!.noise).toBe('coordinatorDiscreteGaussian');
  });

  it('in local mode each client adds z·D by itself, whoever else is there', () => {
    for (const [clients, minSurvivors] of [
      [1, 1],
      [7, 3],
    ] as const) {
      const plan = examplePlan({ clients, minSurvivors, trust: 'local' });
      const [part] = sessionParts(plan, ['training']);
      expect(part!.noiseVarianceSteps).toBeCloseTo((16 * part!.normBoundSteps) ** 2, 6);
      expect(coordinatorNoiseVariance(plan, part!)).toBe(0);
      expect(releaseNoiseVariance(plan, part!, clients)).toBeCloseTo(clients * part!.noiseVarianceSteps, 6);
      expect(planSlots(plan)[0]!.event).toMatchObject({ noise: 'localDiscreteGaussian', colluding: 0 });
    }
  });

  it('costs the same ε whoever adds the noise', () => {
    const epsilonOf = (trust: Plan['trust']) => requireSoundPlan(examplePlan({ trust })).epsilons[0]!.recomputed;
    expect(epsilonOf('local')).toBe(epsilonOf('secure'));
    expect(epsilonOf('trusted')).toBe(epsilonOf('secure'));
  });

  it('privacy none adds nothing anywhere', () => {
    for (const trust of ['secure', 'trusted'] as const) {
      const plan = examplePlan({ trust, privacy: 'none' });
      const [part] = sessionParts(plan, ['training']);
      expect(releaseNoiseVariance(plan, part!, 3)).toBe(0);
    }
  });

  it('A16: no sum of clamped contributions and noise within 16 deviations passes 2^31', () => {
    for (const clients of [3, 10, 200]) {
      const plan = examplePlan({ clients, data: 'digits' });
      for (const part of sessionParts(plan, ['training', 'evaluation'])) {
        const worst = clients * part.sumLimitSteps + 16 * Math.sqrt(releaseNoiseVariance(plan, part, clients));
        expect(worst).toBeLessThanOrEqual(sumMaxSteps);
        expect(worst).toBeGreaterThan(sumMaxSteps - clients - 1);
        expect(part.sumLimitSteps).toBeGreaterThan(part.normBoundSteps);
      }
    }
  });

  it('too little noise for the proof is refused with the multiplier that would do', () => {
    const plan = examplePlan({ clients: 3 });
    const weak = { ...plan, training: { ...plan.training, noiseMultiplier: 1e-4 } };
    expect(() => sessionParts(weak, ['training'])).toThrow(/plan\.training\.noiseMultiplier.*at least 4.*raise/);
    const needed = Number(
      /raise the noise multiplier to (\S+)/.exec(messageOf(() => sessionParts(weak, ['training'])))![1],
    );
    const enough = { ...plan, training: { ...plan.training, noiseMultiplier: needed * 1.01 } };
    expect(sessionParts(enough, ['training'])[0]!.noiseVarianceSteps).toBeGreaterThanOrEqual(16);
  });

  it('noise that leaves no room in 32 bits is refused', () => {
    const plan = examplePlan({ data: 'digits', clients: 200 });
    const loud = { ...plan, training: { ...plan.training, noiseMultiplier: 1e4 } };
    expect(() => sessionParts(loud, ['training'])).toThrow(/2\^31/);
  });

  it('a missing noise multiplier is named', () => {
    const plan = examplePlan();
    const { noiseMultiplier: _, ...training } = plan.training;
    expect(() => sessionParts({ ...plan, training }, ['training'])).toThrow(/plan\.training\.noiseMultiplier/);
  });
});

describe('session header', () => {
  it('follows from the plan but for run, attempt and model', () => {
    const plan = examplePlan({ rounds: 4, evaluateEvery: 2, data: 'digits' });
    const model = layoutLength(modelLayout(plan.topology, 64));
    expect(sessionHeaderFor(plan, { ...facts, round: 3 })).toEqual({
      protocol: 1,
      suite: 'x25519+mlkem768',
      trust: 'secure',
      ...facts,
      round: 3,
      slots: ['training', 'evaluation'],
      dimension: model + 3,
    });
    expect(sessionHeaderFor(plan, { ...facts, round: 5 })).toMatchObject({ slots: ['evaluation'], dimension: 3 });
  });

  it('a round that the plan does not have is refused', () => {
    expect(() => sessionHeaderFor(examplePlan({ rounds: 4 }), { ...facts, round: 6 })).toThrow(/4 rounds.*round 6/);
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}
