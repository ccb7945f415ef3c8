import { completePlan, type Plan, type PlanDraft } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';

/** One row: what the plan states, the size of the audit, and the rates to reach. */
export type PowerCase = {
  readonly epsilon: number;
  readonly canaries: number;
  readonly guesses: number;
  readonly samplingNumerator: number;
  readonly rounds: number;
  /** Least share flagged with halved noise; null where the audit is known to be blind. */
  readonly halvedGoal: number | null;
};

/** Most flagged with correct noise. */
export const correctGoal = 0.05;

const everyUnit = 4_294_967_296;
const one = { samplingNumerator: everyUnit, rounds: 1 };

export const powerCases: readonly PowerCase[] = [
  { epsilon: 1, canaries: 1_000, guesses: 50, ...one, halvedGoal: null },
  { epsilon: 1, canaries: 10_000, guesses: 500, ...one, halvedGoal: 0.8 },
  { epsilon: 2, canaries: 10_000, guesses: 500, ...one, halvedGoal: 0.8 },
  { epsilon: 4, canaries: 1_000, guesses: 200, ...one, halvedGoal: null },
  { epsilon: 4, canaries: 10_000, guesses: 500, ...one, halvedGoal: 0.8 },
  { epsilon: 8, canaries: 10_000, guesses: 2_000, ...one, halvedGoal: null },
  // The same with secret coins, over some rounds.
  { epsilon: 2, canaries: 10_000, guesses: 500, samplingNumerator: everyUnit / 4, rounds: 8, halvedGoal: null },
];

/** Three hospitals that train by joint DP-SGD, one colluding, the noise calibrated to the stated ε. */
export function planOf({ epsilon, samplingNumerator, rounds }: PowerCase): Plan {
  const { privacy: _privacy, training, ...rest } = examplePlan({ evaluateEvery: null, spareAttempts: 0 });
  const { noiseMultiplier: _noise, ...untuned } = training;
  return completePlan({
    ...rest,
    privacy: { kind: 'dp', delta: 1e-5, epsilon },
    training: {
      ...untuned,
      query: { kind: 'gradient', samplingNumerator, clipNormL2: 0.5, expectedBatch: 100 },
      rounds,
    },
  } satisfies PlanDraft);
}
