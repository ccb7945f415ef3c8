import { describe, expect, it } from 'vitest';
import { labelSkew } from '../../metrics/index.ts';
import { referenceModel, type UnitBatch } from '../../model/index.ts';
import { queryContext, sessionParts, type Plan } from '../../plan/index.ts';
import { releaseNoiseVariance } from '../../plan/session-parts.ts';
import { exampleClients, examplePlan } from '../../plan/testing/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { contributeSession } from '../contribute-session.ts';
import { queryByName } from '../query-by-name.ts';
import type { ColumnsFigures } from './columns.ts';
import type { LabelFigures } from './labels.ts';
import type { MeasureReport } from './measure.ts';
import { concludeMeasures } from './measures-query.ts';
import { measureOf, measureSettingsSchema } from './measure-list.ts';
import { driftOfReports } from './report-drift.ts';

const number = (name: string, min: number, max: number, change: object = {}) => ({
  kind: 'number' as const,
  name,
  min,
  max,
  centre: 0,
  scale: 1,
  ...change,
});

/** Four inputs by hand: a number with a fill value, one without, one on a logarithm's scale, a category. */
const schema = {
  name: 'survey',
  unitId: 'id',
  columns: [
    number('chol', 0, 600, { centre: 250, scale: 100, fill: 250 }),
    number('age', 0, 100, { centre: 50, scale: 20 }),
    number('income', 0, 1_000, { transform: 'log1p', centre: 3, scale: 2, fill: 0 }),
    { kind: 'category' as const, name: 'pain', values: ['none', 'some', 'much'], other: 'zeros' as const },
  ],
  target: { kind: 'classes' as const, column: 'label', values: ['a', 'b', 'c'] },
};

const clientsOf = exampleClients(3);

function surveyPlan(
  options: {
    noise?: number;
    unit?: Plan['unit'];
    minimumUnits?: number;
    numeric?: boolean;
    labels?: object;
    sums?: boolean;
  } = {},
): Plan {
  const { noise, unit = 'record', minimumUnits = 1, numeric = false } = options;
  const target = { kind: 'number', column: 'label', min: 0, max: 50, centre: 25, scale: 10 } as const;
  return examplePlan({
    unit,
    privacy: noise === undefined ? 'none' : 'dp',
    rounds: 2,
    evaluateEvery: null,
    overrides: {
      schema: numeric ? { ...schema, target } : schema,
      topology: { layers: [{ kind: 'dense', units: numeric ? 1 : 3, activation: 'linear' }] },
      loss: numeric ? 'meanSquaredError' : 'categoricalCrossEntropy',
      survey: {
        measures: [
          { kind: 'labels', ...options.labels },
          { kind: 'columns', share: 2, sums: options.sums ?? false },
        ],
        minimumUnits,
        ...(noise === undefined ? {} : { noiseMultiplier: noise }),
      },
    },
  });
}

type Row = { chol: number | null; age: number; income: number | null; pain: number; label: number };

/** Rows of 1 … 2 a unit, encoded as a device does. */
function batchOf(rows: readonly Row[], rowsAUnit = 1, encodeLabel = (label: number): number => label): UnitBatch {
  const units = Math.ceil(rows.length / rowsAUnit);
  const inputs = rows.flatMap(({ chol, age, income, pain }) => [
    ((chol ?? 250) - 250) / 100,
    (age - 50) / 20,
    (Math.log1p(income ?? 0) - 3) / 2,
    ...[0, 1, 2].map((value) => Number(value === pain)),
  ]);
  return {
    units,
    rowOffsets: Uint32Array.from({ length: units + 1 }, (_, unit) => Math.min(rows.length, unit * rowsAUnit)),
    rows: rows.length,
    inputs: Float32Array.from(inputs),
    features: 6,
    targets: Float32Array.from(rows, ({ label }) => encodeLabel(label)),
  };
}

function randomRows(seed: string, count: number, classes: readonly number[]): Row[] {
  const words = new Uint32Array(6);
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => {
    random.words(words);
    const [a, b, c, d, e, f] = [...words].map((word) => word / 2 ** 32) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      chol: a < 0.3 ? null : 600 * b,
      age: 100 * c,
      income: d < 0.1 ? null : 1 + 999 * d,
      pain: Math.floor(4 * e),
      label: classes[Math.floor(f * classes.length)]!,
    };
  });
}

async function survey(plan: Plan, batches: readonly UnitBatch[]): Promise<readonly MeasureReport[]> {
  const [part] = sessionParts(plan, ['survey']);
  const context = queryContext(plan);
  const model = referenceModel(plan.topology, context.inputs, plan.loss);
  const sum = new Int32Array(part!.dimension);
  for (const [index, { client }] of clientsOf.entries()) {
    const own = await contributeSession({
      context: queryContext(plan, client),
      parts: [part!],
      unitsOf: () => batches[index]!,
      model,
      weights: new Float32Array(layoutLength([{ name: 'all', length: 6 * context.outputs + context.outputs }])),
      random: createSeededRandom(`survey ${index}`),
      allowInsecureRandom: true,
    });
    own.forEach((value, i) => (sum[i]! += value));
  }
  const noise = releaseNoiseVariance(plan, part!, clientsOf.length);
  return concludeMeasures(part!, sum, context, noise).map(({ report }) => report);
}

const figureOf = ({ figures }: MeasureReport, name: string) => figures.find((figure) => figure.name === name)!;

const rows = [
  randomRows('one', 90, [0, 0, 1]),
  randomRows('two', 60, [1, 1, 2]),
  randomRows('three', 150, [0, 1, 2, 2]),
];
const batches = rows.map((some) => batchOf(some));

describe('a survey without noise', () => {
  it('counts labels as the pooled rows have them, of each client and of all', async () => {
    const [labels] = (await survey(surveyPlan(), batches)) as [LabelFigures];
    const pooled = [0, 1, 2].map((label) => rows.flat().filter((row) => row.label === label).length);
    const own = rows.map((some) => [0, 1, 2].map((label) => some.filter((row) => row.label === label).length));
    expect(labels.units).toBe(300);
    expect(labels.counts).toEqual(pooled);
    expect(labels.clients.map(({ counts }) => counts.map((count) => count ?? 0))).toEqual(own);
    labelSkew(own).forEach(({ jensenShannon }, client) => {
      expect(labels.clients[client]!.jensenShannon.figure?.value).toBeCloseTo(jensenShannon, 12);
    });
    expect(figureOf(labels, 'smallestClass').figure).toMatchObject({ value: Math.min(...pooled), noiseHalfWidth: 0 });
    expect(figureOf(labels, 'smallestClassShare').figure?.value).toBeCloseTo(Math.min(...pooled) / 300, 12);
    const skew = figureOf(labels, 'skew');
    const mean = labelSkew(own).reduce((sum, { jensenShannon }, i) => sum + (jensenShannon * rows[i]!.length) / 300, 0);
    expect(skew.figure?.value).toBeCloseTo(mean, 12);
    expect(skew.figure!.value).toBeGreaterThan(skew.floor!);
    expect(figureOf(labels, 'largestSkew').figure!.value).toBeGreaterThanOrEqual(mean);
  });

  it('counts columns as the pooled rows have them, each row once a column, missing ones apart', async () => {
    const [, columns] = (await survey(surveyPlan(), batches)) as [LabelFigures, ColumnsFigures];
    const all = rows.flat();
    const [chol, age, income, pain] = columns.columns as [
      ColumnsFigures['columns'][0],
      ColumnsFigures['columns'][0],
      ColumnsFigures['columns'][0],
      ColumnsFigures['columns'][0],
    ];
    const sum = (counts: readonly (number | null)[]): number =>
      counts.reduce<number>((total, count) => total + (count ?? 0), 0);
    expect(columns.units).toBe(300);
    expect(chol.missing).toBe(all.filter(({ chol: value }) => value === null).length);
    expect(sum(chol.counts)).toBe(300 - chol.missing!);
    for (const [bin, count] of chol.counts.entries()) {
      const inside = ({ chol: value }: Row): boolean => value !== null && Math.floor(value / 60) === bin;
      expect(count ?? 0).toBe(all.filter(inside).length);
    }
    expect(age.missing).toBeNull();
    expect(age.missingShare.withheld).toBe('a row without the value is left out');
    expect(sum(age.counts)).toBe(300);
    expect(income.missing).toBe(all.filter(({ income: value }) => value === null).length);
    expect(income.edges[0]).toBeCloseTo(0, 5);
    expect(income.edges.at(-1)).toBeCloseTo(1_000, 2);
    expect([...pain.counts, pain.missing]).toEqual(
      [0, 1, 2, 3].map((value) => all.filter((row) => row.pain === value).length),
    );
    expect(figureOf(columns, 'chol.missing').figure?.value).toBeCloseTo(chol.missing! / 300, 12);
    const known = all.flatMap(({ chol: value }) => (value === null ? [] : [value]));
    const mean = known.reduce((total, value) => total + value, 0) / known.length;
    const deviation = Math.sqrt(known.reduce((total, value) => total + (value - mean) ** 2, 0) / known.length);
    for (const [name, value] of [
      ['chol.mean', mean],
      ['chol.deviation', deviation],
    ] as const) {
      const { figure } = figureOf(columns, name);
      expect(figure!.low).toBeLessThan(value);
      expect(figure!.high).toBeGreaterThan(value);
    }
  });

  it('knows mean and deviation of the pooled rows to the grid where sums go along', async () => {
    const [, columns] = await survey(surveyPlan({ sums: true }), batches);
    for (const [name, values] of [
      ['chol', rows.flat().flatMap(({ chol }) => (chol === null ? [] : [chol]))],
      ['age', rows.flat().map(({ age }) => age)],
    ] as const) {
      const mean = values.reduce((total, value) => total + value, 0) / values.length;
      const deviation = Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length);
      expect(Math.abs(figureOf(columns!, `${name}.mean`).figure!.value / mean - 1)).toBeLessThan(1e-3);
      expect(Math.abs(figureOf(columns!, `${name}.deviation`).figure!.value / deviation - 1)).toBeLessThan(1e-3);
    }
    // On a logarithm's scale bins stay what tells.
    expect(figureOf(columns!, 'income.mean').figure).not.toBeNull();
  });

  it('gives a unit of several rows one vote', async () => {
    const twice = rows.map((some) => batchOf(some, 2));
    const [labels, columns] = await survey(surveyPlan(), twice);
    // Halves of a count are cut to the grid.
    expect(Math.abs(labels!.units - 150)).toBeLessThan(0.1);
    expect(Math.abs(columns!.units - 150)).toBeLessThan(0.1);
  });

  it('sums clients’ shares at unit client, and tells no client apart', async () => {
    const [labels] = (await survey(surveyPlan({ unit: 'client' }), batches)) as [LabelFigures];
    expect(labels.units).toBeCloseTo(3, 2);
    expect(labels.clients).toEqual([]);
    [0, 1, 2].forEach((label) => {
      const shares = rows.map((some) => some.filter((row) => row.label === label).length / some.length);
      expect(labels.counts[label]).toBeCloseTo(
        shares.reduce((sum, share) => sum + share, 0),
        2,
      );
    });
    const [few] = await survey(surveyPlan({ unit: 'client', minimumUnits: 4 }), batches);
    expect(few!.figures).toEqual([{ name: 'units', figure: null, withheld: 'fewer than 4 clients, noise included' }]);
  });

  it('counts a number target by bins of its range', async () => {
    const plan = surveyPlan({ numeric: true, labels: { bins: 5 } });
    const numeric = rows.map((some) => batchOf(some, 1, (label) => (20 * label + 1 - 25) / 10));
    const [labels] = (await survey(plan, numeric)) as [LabelFigures];
    const pooled = [0, 1, 2].map((label) => rows.flat().filter((row) => row.label === label).length);
    expect(labels.edges).toEqual([0, 10, 20, 30, 40, 50]);
    expect(labels.counts.map((count) => count ?? 0)).toEqual([pooled[0], 0, pooled[1], 0, pooled[2]]);
    const mean = rows.flat().reduce((sum, { label }) => sum + 20 * label + 1, 0) / 300;
    const { figure } = figureOf(labels, 'mean');
    expect(Math.abs(figure!.value - mean)).toBeLessThan(5);
  });
});

describe('what a survey withholds', () => {
  it('cells, classes and clients with fewer units than the plan’s minimum', async () => {
    const [labels, columns] = (await survey(surveyPlan({ minimumUnits: 70 }), batches)) as [
      LabelFigures,
      ColumnsFigures,
    ];
    const silent = labels.clients.find(({ units }) => units.figure === null)!;
    expect(silent.client).toBe(1);
    expect(silent).toMatchObject({ counts: [], jensenShannon: { withheld: 'fewer than 70 units, noise included' } });
    expect(columns.columns[0]!.counts).toEqual(Array.from({ length: 10 }, () => null));
    expect(figureOf(labels, 'skew').figure).not.toBeNull();
    const [, none] = await survey(surveyPlan({ minimumUnits: 301 }), batches);
    expect(figureOf(none!, 'age.mean')).toMatchObject({ withheld: 'fewer than 301 units, noise included' });
    const reported = { measures: [{ kind: 'labels', share: 1 }], part: 'test', minimumUnits: 1, budgetShare: 0.1 };
    const both = { ...surveyPlan({ minimumUnits: 301 }), report: { ...reported, thresholds: [] } } as unknown as Plan;
    const [, alone] = await survey(both, batches);
    expect(figureOf(alone!, 'age.mean')).toMatchObject({ withheld: 'fewer than 301 units, noise included' });
    const [fewer] = await survey(surveyPlan({ minimumUnits: 120 }), batches);
    expect(figureOf(fewer!, 'skew')).toMatchObject({ figure: null });
    expect(figureOf(fewer!, 'smallestClassShare').withheld).toBe('fewer than 120 units, noise included');
  });

  it('what noise drowns; and what it does not drown holds the truth', async () => {
    const drowned = await survey(surveyPlan({ noise: 200 }), batches);
    for (const { figures } of drowned) {
      for (const { name, figure, withheld } of figures) expect(figure === null, `${name}: ${withheld}`).toBe(true);
    }
    const [labels] = (await survey(surveyPlan({ noise: 2 }), batches)) as [LabelFigures];
    const { figure } = figureOf(labels, 'units');
    expect(figure!.noiseHalfWidth).toBeGreaterThan(1);
    expect(figure!.low).toBeLessThan(300);
    expect(figure!.high).toBeGreaterThan(300);
  });
});

describe('what a row adds', () => {
  it.each([false, true])('is within the bound that each measure states, and reaches it; sums %s', async (sums) => {
    const plan = surveyPlan({ sums });
    const context = queryContext(plan, clientsOf[0]!.client);
    for (const settings of plan.survey!.measures) {
      const measure = measureOf(settings);
      const bound = measure.normL2(context, settings);
      const length = layoutLength(measure.layout(context, settings));
      const input = { context, batch: batches[0]!, outputs: new Float32Array(0), seed: new Uint8Array(32) };
      let seen = 0;
      await measure.contribute(
        { ...input, differentiable: () => Promise.reject(new Error('unused')) },
        settings,
        (_, vector) => {
          seen += 1;
          expect(vector.length).toBe(length);
          const weights = measure.layout(context, settings).flatMap(({ length: own, weight = 1 }) => {
            return Array.from({ length: own }, () => weight);
          });
          const norm = Math.hypot(...vector.map((value, i) => weights[i]! * value));
          // A number reaches its bound at the ends of its range alone.
          if (sums) expect(norm).toBeLessThanOrEqual(bound);
          else expect(norm).toBeCloseTo(bound, 12);
        },
      );
      expect(seen).toBe(90);
    }
  });
});

describe('what a plan cannot ask', () => {
  const problemsOf = (settings: unknown, unit: Plan['unit'] = 'record') => {
    const parsed = measureSettingsSchema.parse(settings);
    return measureOf(parsed).problems(queryContext(surveyPlan({ unit })), parsed);
  };

  it('is named with its path and a cure', () => {
    expect(problemsOf({ kind: 'columns', columns: ['age', 'size'] })).toEqual([
      {
        path: 'columns[1]',
        problem: 'there is no column size among the inputs',
        cure: 'Name a column of plan.schema.',
      },
    ]);
    expect(problemsOf({ kind: 'columns', columns: ['age', 'age'] })[0]?.problem).toBe('column age is listed twice');
    expect(problemsOf({ kind: 'labels', byClient: true }, 'client')[0]?.path).toBe('byClient');
    expect(problemsOf({ kind: 'labels', byClient: true })).toEqual([]);
    expect(problemsOf({ kind: 'columns' })).toEqual([]);
  });

  it('is no device that is none of the roster', async () => {
    const context = queryContext(surveyPlan());
    const asked = {
      context,
      batch: batches[0]!,
      model: referenceModel(context.topology, 6, context.loss),
      clipNormL2: null,
    };
    await asked.model.setWeights(new Float32Array(21));
    const call = queryByName('survey').contribute(
      { ...asked, weights: new Float32Array(21), seed: new Uint8Array(32) },
      () => {},
    );
    await expect(call).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('drift between two releases', () => {
  it('is found in the column that moved, and in no other', async () => {
    const [, before] = (await survey(surveyPlan(), batches)) as [LabelFigures, ColumnsFigures];
    const older = rows.map((some) => batchOf(some.map((row) => ({ ...row, age: Math.min(100, row.age / 2 + 50) }))));
    const [, after] = (await survey(surveyPlan(), older)) as [LabelFigures, ColumnsFigures];
    const found = driftOfReports(before, after);
    expect(found.histograms.map(({ column, verdict }) => [column, verdict])).toEqual([
      ['chol', 'no sign of drift'],
      ['age', 'drift'],
      ['income', 'no sign of drift'],
      ['pain', 'no sign of drift'],
    ]);
    // A uniform age moved to the upper half: 25 years on average.
    const { moved, drift } = found.histograms[1]!;
    expect(Math.abs(moved!.value - 25)).toBeLessThan(4);
    expect(drift!.label).toBe('major');
    expect(found.figures.find(({ name }) => name === 'age.psi')!.floor).toBe(drift!.psiFloor);
    expect(driftOfReports(before, before).histograms[1]!.moved?.value).toBe(0);
  });

  it('compares labels, pools what is withheld, and says where noise would hide everything', async () => {
    const [before] = (await survey(surveyPlan({ minimumUnits: 75 }), batches)) as [LabelFigures];
    const swapped = rows.map((some) => batchOf(some.map((row) => ({ ...row, label: [2, 1, 0][row.label]! }))));
    const [after] = (await survey(surveyPlan({ minimumUnits: 75 }), swapped)) as [LabelFigures];
    const [labels] = driftOfReports(before, after).histograms;
    expect(labels).toMatchObject({ column: null, moved: null });
    const drowned = await survey(surveyPlan({ noise: 60 }), batches);
    const hidden = driftOfReports(drowned[0] as LabelFigures, drowned[0] as LabelFigures);
    expect(hidden.histograms[0]!.verdict).toBe('cannot tell');
    const silent = await survey(surveyPlan({ unit: 'client', minimumUnits: 4 }), batches);
    for (const one of silent as [LabelFigures, ColumnsFigures]) expect(driftOfReports(one, one).histograms).toEqual([]);
    const [, columns] = (await survey(surveyPlan(), batches)) as [LabelFigures, ColumnsFigures];
    expect(() => driftOfReports(before, columns)).toThrow('not of the same columns');
  });
});
