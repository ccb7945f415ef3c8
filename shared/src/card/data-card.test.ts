import { describe, expect, it } from 'vitest';
import { referenceModel, type UnitBatch } from '../model/index.ts';
import { planHashOf, queryContext, sessionParts, type Plan } from '../plan/index.ts';
import { exampleClients, examplePlan } from '../plan/testing/index.ts';
import { concludeMeasures, contributeSession, type MeasureFigures } from '../queries/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { adequacyChecks, plannedCountNoise } from './adequacy-checks.ts';
import { dataCard } from './data-card.ts';
import { dataCardMarkdown } from './data-card-markdown.ts';

const number = (name: string, fill: number | null) => ({
  kind: 'number' as const,
  name,
  min: 0,
  max: 100,
  centre: 50,
  scale: 25,
  fill,
  missing: fill === null ? [] : ['?'],
});

function planOf(options: { noise?: number; unit?: Plan['unit']; minimumUnits?: number } = {}): Plan {
  const { noise, unit = 'record', minimumUnits = 10 } = options;
  const asked = noise === undefined ? {} : { noiseMultiplier: noise };
  return examplePlan({
    unit,
    privacy: noise === undefined ? 'none' : 'dp',
    rounds: 2,
    evaluateEvery: null,
    overrides: {
      schema: {
        name: 'wards',
        unitId: 'id',
        columns: [
          number('age', null),
          number('chol', 0),
          { kind: 'category', name: 'sex | at birth', values: ['f', 'm'], other: 'leaveOut' },
        ],
        target: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
      },
      split: { validation: 0, test: 0.25 },
      survey: { measures: [{ kind: 'labels' }, { kind: 'columns', bins: 4 }], minimumUnits, ...asked },
      report: { measures: [{ kind: 'performance' }], ...asked },
    },
  });
}

/** The survey of so many rows a client, `ill` of each; no noise is drawn, `variance` says how much the figures shall reckon with. */
async function surveyOf(
  plan: Plan,
  rows: readonly { rows: number; ill: number }[],
  variance = 0,
): Promise<readonly MeasureFigures[]> {
  const [part] = sessionParts(plan, ['survey']);
  const sum = new Int32Array(part!.dimension);
  const context = queryContext(plan);
  for (const [index, { client }] of exampleClients(3).entries()) {
    const { rows: count, ill } = rows[index]!;
    const batch: UnitBatch = {
      units: count,
      rows: count,
      rowOffsets: Uint32Array.from({ length: count + 1 }, (_, row) => row),
      features: 4,
      // Ages from 0 to 96, every fifth without chol; one sex.
      inputs: Float32Array.from({ length: 4 * count }, (_, i) => {
        const row = Math.floor(i / 4);
        return [((row % 25) * 4 - 50) / 25, row % 5 === 0 ? -2 : 0, 1, 0][i % 4]!;
      }),
      targets: Float32Array.from({ length: count }, (_, row) => Number(row < ill)),
    };
    const own = await contributeSession({
      context: queryContext(plan, client),
      parts: [{ ...part!, noiseVarianceSteps: 0 }],
      unitsOf: () => batch,
      model: referenceModel(plan.topology, context.inputs, plan.loss),
      weights: new Float32Array(5),
      random: createSeededRandom(`card ${index}`),
      allowInsecureRandom: true,
    });
    own.forEach((value, i) => (sum[i]! += value));
  }
  return concludeMeasures(part!, sum, context, variance);
}

const rows = [
  { rows: 400, ill: 40 },
  { rows: 200, ill: 120 },
  { rows: 5, ill: 2 },
];

describe('a data card', () => {
  it('says what the plan fixes, before anything was asked', () => {
    const plan = planOf();
    const card = dataCard(plan, planHashOf(plan), []);
    expect(card).toMatchObject({ units: null, spent: null, clients: [], adequacy: [], withheld: [] });
    expect(card.columns.map(({ allowed, missing }) => [allowed, missing])).toEqual([
      ['0 to 100', 'a row with nothing is left out'],
      ['0 to 100', 'nothing, "?" becomes 0, as if it had been measured'],
      ['one of 2 values', 'a row with another text is left out'],
    ]);
    expect(card.columns[1]!.warning).toContain('the value tells which client a row comes from');
    const text = dataCardMarkdown(card);
    expect(text).toContain('Units: not counted.');
    expect(text).toContain('Nothing was asked of the data yet.');
    expect(text).toContain('sex \\| at birth');
  });

  it('says what the survey found, and what it may not tell', async () => {
    const plan = planOf();
    const card = dataCard(plan, planHashOf(plan), await surveyOf(plan, rows));
    expect(card.units?.figure?.value).toBe(605);
    expect(card.target.classes).toEqual(['no', 'yes']);
    expect(card.target.counts[1]).toBe(162);
    const missing = card.columns[1]!.told.find(({ name }) => name === 'chol.missing');
    expect(missing?.figure?.value).toBeCloseTo(0.2, 2);
    const silent = card.clients.filter(({ units }) => units.figure === null);
    expect(silent.map(({ name }) => name)).toEqual([plan.roster.clients[2]!.name]);
    expect(card.withheld).toContainEqual({
      figure: `labels of ${plan.roster.clients[2]!.name}`,
      reason: 'fewer than 10 units, noise included',
    });
    const text = dataCardMarkdown(card);
    expect(text).toContain('| chol | 0 to 100 |');
    expect(text).toContain('No differential privacy');
    expect(JSON.parse(JSON.stringify(card))).toEqual(card);
  });

  it('says what the survey has cost, within which promise', async () => {
    const plan = planOf({ noise: 20 });
    const card = dataCard(plan, planHashOf(plan), await surveyOf(plan, rows));
    expect(card.spent!.epsilon).toBeGreaterThan(0.05);
    expect(card.spent!.epsilon).toBeLessThan(0.5);
    expect(card.spent!.within.epsilon).toBeGreaterThan(card.spent!.epsilon);
    expect(dataCardMarkdown(card)).toContain('within the plan’s epsilon = '.replace('’', "'"));
  });

  it('tells shares of clients at unit client', async () => {
    const plan = planOf({ unit: 'client', minimumUnits: 2 });
    const card = dataCard(plan, planHashOf(plan), []);
    expect(card.adequacy).toEqual([]);
    expect(dataCardMarkdown(card)).toContain('a unit is a client');
  });
});

describe('whether it is enough', () => {
  const checksOf = async (plan: Plan, found = rows, rules?: Parameters<typeof adequacyChecks>[2]) => {
    const [labels] = await surveyOf(plan, found);
    return adequacyChecks(plan, labels!.report as Parameters<typeof adequacyChecks>[1], rules);
  };

  it('is said of the smallest class, of the test part’s width and of its power', async () => {
    const checks = await checksOf(planOf());
    expect(checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['classUnits', 'enough'],
      // A third of 605: ±6.9 points at one half, more than five.
      ['halfWidth', 'not enough'],
      ['power', 'not enough'],
    ]);
    expect(checks[1]!.figure!.value).toBeCloseTo(0.0685, 3);
    expect(checks[1]!.words).toContain('381 units would give 0.05');
    const more = await checksOf(
      planOf(),
      rows.map(({ rows: count, ill }) => ({ rows: 20 * count, ill: 20 * ill })),
    );
    expect(more.map(({ verdict }) => verdict)).toEqual(['enough', 'enough', 'enough']);
  });

  it('counts the noise that the plan will add, and says where it cannot tell', async () => {
    const noisy = planOf({ noise: 20 });
    expect(plannedCountNoise(planOf())).toBe(0);
    expect(plannedCountNoise(noisy)).toBeGreaterThan(20);
    const [, width] = await checksOf(
      noisy,
      rows.map(({ rows: count, ill }) => ({ rows: 4 * count, ill: 4 * ill })),
    );
    expect(width!.verdict).toBe('not enough');
    const border = await checksOf(planOf(), rows, { halfWidth: 0.0685, gain: 0.05, power: 0.8, classUnits: 1_000 });
    expect(border.map(({ verdict }) => verdict).slice(0, 2)).toEqual(['not enough', 'cannot tell']);
  });
});
