import { describe, expect, it } from 'vitest';
import { referenceModel, selectUnits, type LocalModel, type UnitBatch } from '../model/index.ts';
import { queries } from '../queries/index.ts';
import { checkPlan } from './check-plan.ts';
import type { Plan } from './plan-schema.ts';
import { queryContext } from './query-context.ts';
import { examplePlan } from './testing/index.ts';

type Asked = { noise?: number; mixup?: number };

function planWith(augmentation: Asked, unit: Plan['unit'], overrides: Partial<Plan> = {}): Plan {
  const plan = examplePlan({ unit, rounds: 2, evaluateEvery: null, overrides });
  const { query } = plan.training;
  return {
    ...plan,
    training: { ...plan.training, query: { ...query, augmentation: { noise: 0, mixup: 0, ...augmentation } } },
  };
}

const problemsOf = (plan: Plan): readonly string[] =>
  checkPlan(plan).problems.map(({ path, problem }) => `${path}: ${problem}`);

describe('augmentation in a plan', () => {
  it('is noise at either unit, and mixup at unit client', () => {
    expect(problemsOf(planWith({ noise: 0.1 }, 'record'))).toEqual([]);
    expect(problemsOf(planWith({ noise: 0.1, mixup: 0.2 }, 'client'))).toEqual([]);
  });

  it('is refused by name where it would mix units that are protected one by one', () => {
    expect(problemsOf(planWith({ mixup: 0.2 }, 'record'))).toEqual([
      'plan.training.query.augmentation.mixup: mixup at unit record is unsound: a unit’s gradient would be one of other units’ rows as well',
    ]);
  });

  it('is refused where it changes nothing, or makes no sense', () => {
    expect(problemsOf(planWith({}, 'record'))).toEqual([
      'plan.training.query.augmentation: noise 0 and mixup 0 change nothing',
    ]);
    const columns = [{ kind: 'category' as const, name: 'a', values: ['x', 'y'], other: 'zeros' as const }];
    const categories = planWith({ noise: 0.1 }, 'record', {
      schema: {
        name: 's',
        unitId: 'id',
        columns,
        target: { kind: 'binary', column: 'b', positive: '1', negative: '0' },
      },
    });
    expect(problemsOf(categories)[0]).toContain('every column is a category');
  });
});

describe('noise at the door of single units', () => {
  const width = 13;
  const batch: UnitBatch = {
    units: 3,
    rows: 4,
    rowOffsets: Uint32Array.of(0, 1, 3, 4),
    features: width,
    inputs: Float32Array.from({ length: 4 * width }, (_, i) => Math.sin(i)),
    targets: Float32Array.of(1, 0, 1, 0),
  };
  const context = queryContext(planWith({ noise: 0.3 }, 'record'));

  /** The rows that the model is given, by unit. */
  async function rowsSeen(units: UnitBatch): Promise<readonly Float32Array[]> {
    const seen: UnitBatch[] = [];
    const model = referenceModel(context.topology, width, context.loss);
    const weights = new Float32Array(width + 1).fill(0.1);
    await model.setWeights(weights);
    const watched: LocalModel = {
      ...model,
      traces: (given, dropoutSeed) => {
        seen.push(given);
        return model.traces(given, dropoutSeed);
      },
    };
    let vectors = 0;
    const input = { context, batch: units, model: watched, weights, clipNormL2: null, seed: new Uint8Array(32) };
    await queries.gradient.contribute(input, () => (vectors += 1));
    expect(vectors).toBe(units.units);
    return seen.map(({ inputs }) => inputs);
  }

  it('leaves a unit’s rows what they are without the units behind it: no row knows of another', async () => {
    const [all] = await rowsSeen(batch);
    const [first] = await rowsSeen(selectUnits(batch, [0]));
    expect(all!.length).toBe(4 * width);
    expect([...all!.subarray(0, width)]).toEqual([...first!]);
    expect([...first!]).not.toEqual([...batch.inputs.subarray(0, width)]);
    const moved = await rowsSeen({ ...batch, inputs: batch.inputs.map((value, i) => (i < width ? 100 : value)) });
    expect([...moved[0]!.subarray(width)]).toEqual([...all!.subarray(width)]);
  });
});
