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

/** What is asked here is nothing to the suite, and ML-KEM would be most of the work. */
function inX25519(plan: Scenario['plan']): Scenario['plan'] {
  return { ...plan, overrides: { suite: 'x25519', ...plan.overrides } };
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
  [
    'banded updates',
    {
      unit: 'client',
      overrides: {
        training: training({ clipNormL2: 1, sampling: { kind: 'banded', bands: 3, maxParticipations: 2 } }, 8),
      },
    },
  ],
  [
    'banded updates, more often than not idle',
    {
      unit: 'client',
      evaluateEvery: null,
      overrides: {
        training: training({ clipNormL2: 1, sampling: { kind: 'banded', bands: 2, maxParticipations: 1 } }, 7),
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
        plan: inX25519({ evaluateEvery: 2, spareAttempts: 3, minSurvivors: 4, ...plan }),
        liars: new Map(),
      };
      const result = await runScenario(scenario, { faults });
      expect(result.violations).toEqual([]);
      expect(result.status).toMatchObject({ state: 'finished', reason: null });
      expect(checkPlan(result.plan).problems).toEqual([]);
      expect(result.releasesChecked).toBe(sessionCount(result.plan));
      const late = [...result.notices.values()].flat().filter(({ type }) => type === 'updateLate');
      // Only where a coin is hidden, training that outlasts the pace is not waited for.
      expect(late.length > 0).toBe(world === 'rough' && /hidden|coin/.test(name));
      const replay = await replayRun(result.store, result.blobs, result.runId);
      expect(replay.modelHash).toBe(result.status.modelHash);
      const { epsilon, epsilonSoFar } = result.status.privacy;
      expect(epsilonSoFar).toBeGreaterThan(0);
      expect(epsilonSoFar).toBeLessThanOrEqual(epsilon!);
    },
  );
});

describe('a banded run', () => {
  const banded = { clipNormL2: 1, sampling: { kind: 'banded', bands: 3, maxParticipations: 2 } } as const;
  const scenario: Scenario = {
    seed: 'banded',
    clients: 5,
    plan: { unit: 'client', evaluateEvery: null, spareAttempts: 1, minSurvivors: 5 },
    liars: new Map(),
  };

  it('ends when its spare attempts are used up, instead of asking clients for what the plan does not cover', async () => {
    let uploads = 0;
    const result = await runScenario(
      { ...scenario, plan: inX25519({ ...scenario.plan, overrides: { training: training(banded, 6) } }) },
      // One client is lost at its uploads from the third round on.
      {
        faults: noFaults,
        crashAt: ({ process, at, side }) =>
          process === 'client 0' && side === 'before' && at.startsWith('upload') && ++uploads > 2,
      },
    );
    expect(result.violations).toEqual([]);
    expect(result.status).toMatchObject({
      state: 'finished',
      failedAttempts: 2,
      reason: 'the spare attempts of the plan are used up after 2 of 6 rounds',
    });
    expect(result.status.privacy.epsilonSoFar).toBeLessThanOrEqual(result.status.privacy.epsilon!);
  });

  it.each(['a', 'b', 'c', 'd'])('in which processes die keeps its books, seed %s', async (seed) => {
    const result = await runScenario(
      {
        ...scenario,
        seed: `banded crashes ${seed}`,
        plan: inX25519({
          ...scenario.plan,
          minSurvivors: 4,
          spareAttempts: 6,
          overrides: { training: training(banded, 6) },
        }),
      },
      { faults: { ...noFaults, delayMaxMs: 200, clientCrashes: 0.002, coordinatorCrashes: 0.002 } },
    );
    expect(result.violations).toEqual([]);
    expect(result.status.state).toBe('finished');
    expect(result.status.privacy.epsilonSoFar).toBeLessThanOrEqual(result.status.privacy.epsilon!);
  });
});
