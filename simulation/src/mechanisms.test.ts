import { replayRun } from '@sotto/coordinator/runs';
import { checkPlan, sessionCount, type PlanInput } from '@sotto/shared/plan';
import { describe, expect, it } from 'vitest';
import { noFaults, type FaultRates } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

type Update = Extract<PlanInput['training']['query'], { kind: 'update' }>;

const update: Update = { kind: 'update', clipNormL2: 0.1, localEpochs: 1, batchSize: 8, learningRate: 0.1 };

function training(query: Partial<Update>, rounds: number, noiseMultiplier = 16): PlanInput['training'] {
  return { query: { ...update, ...query }, strategy: { kind: 'fedAvg' }, rounds, noiseMultiplier, paceMs: 20 };
}

const plans: readonly [string, Scenario['plan']][] = [
  [
    'adaptive clipping',
    { unit: 'client', overrides: { training: training({ adaptiveClip: { clippedCountStddev: 20 } }, 6) } },
  ],
  [
    'hidden sampling',
    {
      unit: 'client',
      overrides: { training: training({ clipNormL2: 1, sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } }, 6) },
    },
  ],
  [
    'hidden sampling with adaptive clipping',
    {
      unit: 'client',
      overrides: {
        training: training(
          { adaptiveClip: { clippedCountStddev: 20 }, sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } },
          6,
        ),
      },
    },
  ],
  ['local noise', { trust: 'local', minSurvivors: 3, evaluateEvery: null }],
  [
    'local noise of clients with a coin of their own',
    {
      unit: 'client',
      trust: 'local',
      overrides: { training: training({ clipNormL2: 1, sampling: { kind: 'hidden', samplingNumerator: 2 ** 31 } }, 6) },
    },
  ],
  ['a trusted coordinator', { trust: 'trusted', minSurvivors: 3, evaluateEvery: null }],
];

const worlds: readonly [string, FaultRates][] = [
  ['calm', noFaults],
  [
    'rough',
    { ...noFaults, requestLost: 0.1, replyLost: 0.1, duplicated: 0.2, delayMaxMs: 1_000, trainingMaxMs: 20_000 },
  ],
];

const cases = plans.flatMap(([name, plan]) => worlds.map(([world, faults]) => [name, world, plan, faults] as const));

describe('a run to its end', () => {
  it.each(cases)(
    'of %s in a %s world keeps both books, releases plain sums and replays',
    async (name, world, plan, faults) => {
      const scenario: Scenario = {
        seed: `${name}/${world}`,
        clients: 5,
        plan: { evaluateEvery: 2, spareAttempts: 3, minSurvivors: 4, ...plan },
        liars: new Map(),
      };
      const result = await runScenario(scenario, { faults });
      expect(result.violations).toEqual([]);
      expect(result.status).toMatchObject({ state: 'finished', reason: null });
      expect(checkPlan(result.plan).problems).toEqual([]);
      expect(result.releasesChecked).toBe(sessionCount(result.plan));
      const replay = await replayRun(result.store, result.blobs, result.runId);
      expect(replay.modelHash).toBe(result.status.modelHash);
      const { epsilon, epsilonSoFar } = result.status.privacy;
      expect(epsilonSoFar).toBeGreaterThan(0);
      expect(epsilonSoFar).toBeLessThanOrEqual(epsilon!);
    },
  );
});
