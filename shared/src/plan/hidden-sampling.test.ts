import { describe, expect, it } from 'vitest';
import { referenceModel, type UnitBatch } from '../model/index.ts';
import { epsilonOf } from '../privacy/index.ts';
import { concludeTraining, contributeSession } from '../queries/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { checkPlan, findingText } from './check-plan.ts';
import { planSlots } from './plan-slots.ts';
import { queryContext } from './query-context.ts';
import { sessionParts } from './session-parts.ts';
import type { Plan } from './plan-schema.ts';
import { examplePlan, type ExamplePlanOptions } from './testing/index.ts';

const update = { kind: 'update', clipNormL2: 1, localEpochs: 1, batchSize: 8, learningRate: 0.1 } as const;

function hiddenPlan(
  samplingNumerator: number | null,
  change: Partial<ExamplePlanOptions> & { rounds?: number } = {},
): Plan {
  const sampling = samplingNumerator === null ? undefined : ({ kind: 'hidden', samplingNumerator } as const);
  const dp = change.privacy !== 'none';
  return examplePlan({
    clients: 8,
    unit: 'client',
    evaluateEvery: null,
    ...change,
    overrides: {
      training: {
        query: { ...update, sampling },
        strategy: { kind: 'fedAvg' },
        rounds: change.rounds ?? 20,
        paceMs: change.paceMs ?? 20,
        ...(dp ? { noiseMultiplier: 4 } : {}),
      },
    },
  });
}

const units: UnitBatch = {
  units: 1,
  rowOffsets: Uint32Array.of(0, 1),
  rows: 1,
  inputs: new Float32Array(13).fill(1),
  features: 13,
  targets: Float32Array.of(1),
};

async function contributions(plan: Plan, times: number) {
  const context = queryContext(plan);
  const real = referenceModel(context.topology, context.inputs, context.loss);
  let trained = 0;
  const model: typeof real = {
    ...real,
    train: async (...input) => {
      trained += 1;
      return real.train(...input);
    },
  };
  const random = createSeededRandom('hidden sampling');
  const made: Int32Array[] = [];
  for (let time = 0; time < times; time++) {
    made.push(
      await contributeSession({
        context,
        parts: sessionParts(plan, ['training']),
        unitsOf: () => units,
        model,
        weights: new Float32Array(14),
        random,
        allowInsecureRandom: true,
      }),
    );
  }
  return { made, trained };
}

describe('a client under hidden sampling', () => {
  it('uploads its whole update or zeros, at the planned rate, and trains for a yes alone', async () => {
    const { made, trained } = await contributions(hiddenPlan(2 ** 30, { privacy: 'none' }), 2_000);
    const [whole] = (await contributions(hiddenPlan(null, { privacy: 'none' }), 1)).made;
    const taken = made.filter((integers) => integers.some((value) => value !== 0));
    for (const integers of taken) expect(integers).toEqual(whole);
    // 500 ± 19.4; five deviations.
    expect(Math.abs(taken.length - 500)).toBeLessThan(97);
    expect(trained).toBe(taken.length);
  });

  it('adds its share of the noise whatever its coin says', async () => {
    const plan = hiddenPlan(2 ** 20);
    const [part] = sessionParts(plan, ['training']);
    const { made } = await contributions(plan, 300);
    const squares = made.flatMap((integers) => [...integers]).reduce((sum, value) => sum + value * value, 0);
    // A rate of 2^-12: hardly a coin said yes. 4,200 squares have a relative deviation of √(2/4200) = 2.2 %.
    expect(Math.abs(squares / (4_200 * part!.noiseVarianceSteps) - 1)).toBeLessThan(0.11);
  });
});

describe('a plan with hidden sampling', () => {
  it('counts the coin: a Poisson sample of clients, in one event', () => {
    const hidden = hiddenPlan(2 ** 30);
    const [slot] = planSlots(hidden);
    expect(slot!.event).toMatchObject({ unit: 'client', part: 'all', samplingNumerator: 2 ** 30 });
    const check = checkPlan(hidden);
    expect(check.problems).toEqual([]);
    const [stated] = check.summary!.epsilons;
    expect(stated!.recomputed).toBe(epsilonOf([{ event: slot!.event!, count: 22 }], 1e-5).epsilon);
    expect(stated!.recomputed).toBeLessThan(0.4 * checkPlan(hiddenPlan(null)).summary!.epsilons[0]!.recomputed);
  });

  it('divides by its constant, whoever survived and whatever the coins said', () => {
    const plan = hiddenPlan(2 ** 30);
    const context = queryContext(plan);
    const [part] = sessionParts(plan, ['training']);
    const sum = new Int32Array(14).fill(1_000);
    const mean = concludeTraining(part!, sum, context, 8);
    expect(mean[0]).toBe((1_000 * part!.gridStep) / 2);
    expect(concludeTraining(part!, sum, context, 6)).toEqual(mean);
  });

  it('needs a pace, so that no time of an upload tells the coin', () => {
    expect(checkPlan(hiddenPlan(2 ** 30, { paceMs: 0 })).problems.map(findingText)).toEqual([
      expect.stringMatching(/^plan\.training\.paceMs: .*what each client’s coin said/),
    ]);
    expect(checkPlan(hiddenPlan(null, { paceMs: 0 })).problems).toEqual([]);
  });

  it('needs a pace within the deadline of uploads: they leave at it and not before', () => {
    expect(checkPlan(hiddenPlan(2 ** 30, { paceMs: 120_000 })).problems.map(findingText)).toEqual([
      expect.stringMatching(/^plan\.training\.paceMs: uploads leave after 120000 ms, and are awaited for 120000 ms/),
    ]);
  });

  it('remarks on a rate at which hardly anybody takes part', () => {
    expect(checkPlan(hiddenPlan(2 ** 28)).warnings.map(({ path }) => path)).toEqual([
      'plan.schema.columns',
      'plan.training.query.sampling.samplingNumerator',
      'plan.roster',
    ]);
  });
});
