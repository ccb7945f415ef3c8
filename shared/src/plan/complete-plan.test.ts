import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPlan, requireSoundPlan } from './check-plan.ts';
import { completePlan } from './complete-plan.ts';
import type { Plan } from './plan-schema.ts';
import { examplePlan, type ExamplePlanOptions } from './testing/index.ts';

/** The plan as a draft: without noise multipliers, and with these ε. */
function draftOf(options: ExamplePlanOptions, epsilons: { epsilon?: number; evaluationEpsilon?: number }): unknown {
  const { training, evaluation, ...plan } = examplePlan(options);
  const { noiseMultiplier: _training, ...quietTraining } = training;
  const quietEvaluation = evaluation === null ? null : { ...evaluation, noiseMultiplier: undefined };
  return {
    ...plan,
    training: quietTraining,
    evaluation: quietEvaluation,
    privacy: { kind: 'dp', delta: 1e-5, ...epsilons },
  };
}

describe('completePlan', () => {
  it('finds the noise for a stated ε, enough and hardly more', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 12, noNaN: true }),
        fc.double({ min: 0.3, max: 12, noNaN: true }),
        fc.integer({ min: 1, max: 60 }),
        (epsilon, evaluationEpsilon, rounds) => {
          const plan = completePlan(draftOf({ rounds, evaluateEvery: 7 }, { epsilon, evaluationEpsilon }));
          for (const { stated, recomputed } of requireSoundPlan(plan).epsilons) {
            expect(recomputed).toBeLessThanOrEqual(stated!);
            expect(recomputed).toBeGreaterThan(stated! * 0.99);
          }
        },
      ),
      { numRuns: 6 },
    );
  });

  it('accounts the ε of stated noise, rounded up', () => {
    const plan = examplePlan({ rounds: 9 });
    for (const { stated, recomputed } of requireSoundPlan(plan).epsilons) {
      expect(stated).toBeGreaterThanOrEqual(recomputed);
      expect(stated).toBeLessThan(recomputed * 1.0001);
    }
  });

  it('at unit client training and evaluation share one ε and the same noise', () => {
    const plan = completePlan(draftOf({ unit: 'client', rounds: 5 }, { epsilon: 2 }));
    expect(plan.training.noiseMultiplier).toBe(plan.evaluation!.noiseMultiplier);
    const [only] = requireSoundPlan(plan).epsilons;
    expect(only!.recomputed).toBeLessThanOrEqual(2);
    expect(only!.recomputed).toBeGreaterThan(1.99);
  });

  it('at unit client stated noise of one slot is kept and the other fills up the ε', () => {
    const draft = draftOf({ unit: 'client', rounds: 5 }, { epsilon: 2 }) as { evaluation: object };
    const plan = completePlan({ ...draft, evaluation: { ...draft.evaluation, noiseMultiplier: 30 } });
    expect(plan.evaluation!.noiseMultiplier).toBe(30);
    expect(requireSoundPlan(plan).epsilons[0]!.recomputed).toBeGreaterThan(1.99);
  });

  it('keeps what is stated, so that the check can say that it is not enough', () => {
    const plan = examplePlan();
    const privacy = { kind: 'dp', delta: 1e-5, epsilon: 1e-3, evaluationEpsilon: 9 } as const;
    const completed = completePlan({ ...plan, privacy });
    expect(completed.privacy).toEqual(privacy);
    expect(completed.training.noiseMultiplier).toBe(16);
    expect(checkPlan(completed).problems.map(({ path }) => path)).toEqual(['plan.privacy.epsilon']);
  });

  it.each([
    [{}, /plan\.training\.noiseMultiplier: needed, because plan\.privacy\.epsilon is missing too/],
    [
      { epsilon: 1 },
      /plan\.evaluation\.noiseMultiplier: needed, because plan\.privacy\.evaluationEpsilon is missing too/,
    ],
  ])('names what it cannot know: %j', (epsilons, message) => {
    expect(() => completePlan(draftOf({}, epsilons))).toThrow(message);
  });

  it('a complete plan and one without privacy stay as they are', () => {
    for (const plan of [examplePlan(), examplePlan({ privacy: 'none' })]) {
      expect(completePlan(plan)).toEqual<Plan>(plan);
    }
  });

  it('a malformed draft is refused by path', () => {
    expect(() => completePlan({ ...examplePlan(), training: null })).toThrow(/plan\.training/);
  });
});
