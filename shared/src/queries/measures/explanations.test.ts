import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceModel, type InputColumn, type UnitBatch } from '../../model/index.ts';
import { gridFor, type PartSpec } from '../../privacy/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { contributeSession } from '../contribute-session.ts';
import { queryByName } from '../query-by-name.ts';
import type { MeasureSettings, QueryContext } from '../query.ts';
import { nothingMeasured } from '../testing/nothing-measured.ts';
import { attributionsSettings, releasedImportance, type AttributionFigures } from './attributions.ts';
import { dependenceSettings, type DependenceFigures } from './dependence.ts';
import { explainedFeatures } from './explained-features.ts';
import { conclusionOf } from './conclusion-list.ts';
import { measureOf } from './measure-list.ts';
import { concludeMeasures, measureSums } from './measures-query.ts';
import { permutationSettings, type PermutationFigures } from './permutation.ts';

const plain = { values: null, fill: null, scaling: null, image: null, missing: 0 };
const identity = { transform: 'identity', centre: 50, scale: 10 } as const;
const columns: readonly InputColumn[] = [
  { ...plain, kind: 'number', name: 'age', from: 0, to: 1, low: -3, high: 5, scaling: identity },
  // Known to be 60 where nothing is known.
  { ...plain, kind: 'number', name: 'count', from: 1, to: 2, low: -5, high: 5, missing: 1, fill: 1, scaling: identity },
  { ...plain, kind: 'category', name: 'pain', from: 2, to: 5, low: 0, high: 1, values: ['none', 'some', 'much'] },
];
/** A logistic regression: age 2, count 0, pain 1, 0 and 4, less 1. */
const linear = Float32Array.of(2, 0, 1, 0, 4, -1);
const binary: QueryContext = {
  ...nothingMeasured,
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  inputs: 5,
  outputs: 1,
  target: 'binary',
  loss: 'binaryCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
  evaluation: null,
  expectedUpdates: null,
  clipBit: null,
  columns,
  classes: ['no', 'yes'],
};
const classes: QueryContext = {
  ...binary,
  topology: {
    layers: [
      { kind: 'dense', units: 4, activation: 'tanh' },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  },
  outputs: 3,
  target: 'classes',
  loss: 'categoricalCrossEntropy',
  classes: ['a', 'b', 'c'],
};
const number: QueryContext = { ...binary, target: 'number', loss: 'meanSquaredError', classes: [] };

/** Rows [age, count, pain, target], each a unit of its own. */
function batchOf(rows: readonly (readonly [number, number, number, number])[]): UnitBatch {
  return {
    units: rows.length,
    rows: rows.length,
    rowOffsets: Uint32Array.from({ length: rows.length + 1 }, (_, row) => row),
    inputs: Float32Array.from(
      rows.flatMap(([age, count, pain]) => [age, count, ...[0, 1, 2].map((value) => Number(value === pain))]),
    ),
    features: 5,
    targets: Float32Array.from(rows, (row) => row[3]),
  };
}

async function vectorsOf(
  context: QueryContext,
  settings: MeasureSettings,
  batch: UnitBatch,
  weights = linear,
  seed = new Uint8Array(32),
): Promise<number[][]> {
  const model = referenceModel(context.topology, 5, context.loss);
  await model.setWeights(weights);
  const vectors: number[][] = [];
  const outputs = await model.predict(batch.inputs, batch.rows);
  const input = { context, batch, outputs, differentiable: async () => model, seed };
  await measureOf(settings).contribute(input, settings, (row, vector) => (vectors[row] = [...vector]));
  return vectors;
}

/** What is concluded from given vectors, with noise of a given deviation added to their sum. */
function concluded<Figures>(
  context: QueryContext,
  settings: MeasureSettings,
  vectors: readonly (readonly number[])[],
  noise: { readonly std: number; readonly draw: () => number } = { std: 0, draw: () => 0 },
): Figures {
  const measure = measureOf(settings);
  const layout = measure.layout(context, settings);
  const stds = layout.flatMap(({ length, weight = 1 }) => Array.from({ length }, () => noise.std / weight));
  const sums = Float64Array.from(
    stds,
    (std, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) + std * noise.draw(),
  );
  return conclusionOf(settings)(context, settings, measureSums(layout, sums, noise.std)) as Figures;
}

/** Twelve uniform draws: near enough to a normal one. */
function normalNoise(std: number, seed: string) {
  const random = createSeededRandom(seed);
  const words = new Uint32Array(12);
  const draw = (): number => {
    random.words(words);
    return words.reduce((sum, word) => sum + word / 2 ** 32, -6);
  };
  return { std, draw };
}

const asked = {
  attributions: attributionsSettings.parse({ kind: 'attributions' }),
  permutation: permutationSettings.parse({ kind: 'permutation' }),
  dependence: dependenceSettings.parse({
    kind: 'dependence',
    columns: [{ name: 'age', values: [50, 60] }, { name: 'pain' }],
  }),
};

describe('each measure of what a model rests on', () => {
  const row = fc.tuple(
    fc.double({ min: -20, max: 20, noNaN: true }),
    fc.double({ min: -20, max: 20, noNaN: true }),
    fc.nat(2),
    fc.nat(1),
  );
  it('keeps every row within its bound, whatever the model', async () => {
    const ofClasses = dependenceSettings.parse({ ...asked.dependence, of: 'b' });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 39, maxLength: 39 }),
        async (rows, numbers) => {
          for (const [context, settings] of [
            [binary, asked.attributions],
            [binary, asked.permutation],
            [binary, asked.dependence],
            [number, asked.attributions],
            [number, asked.dependence],
            [classes, asked.attributions],
            [classes, asked.permutation],
            [classes, ofClasses],
          ] as const) {
            const few = Float32Array.from(numbers.slice(0, context === classes ? 39 : 6));
            const measure = measureOf(settings);
            const weights = measure
              .layout(context, settings)
              .flatMap(({ length, weight = 1 }) => Array.from({ length }, () => weight));
            for (const vector of await vectorsOf(context, settings, batchOf(rows), few)) {
              const norm = Math.hypot(...vector.map((value, i) => value * weights[i]!));
              expect(norm).toBeLessThanOrEqual(measure.normL2(context, settings) * (1 + 1e-12));
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it.each(['attributions', 'dependence', 'permutation'] as const)('lets no row see another: %s', async (kind) => {
    const rows: [number, number, number, number][] = [
      [1, 2, 0, 1],
      [-1, 0, 2, 0],
      [0.1, 4, 1, 1],
    ];
    const before = await vectorsOf(binary, asked[kind], batchOf(rows));
    const after = await vectorsOf(binary, asked[kind], batchOf([[-3, -3, 1, 0], rows[1]!, [5, 5, 0, 0]]));
    expect(after[1]).toEqual(before[1]);
    expect(after[0]).not.toEqual(before[0]);
  });

  it('makes none of what is no number', async () => {
    for (const settings of Object.values(asked)) {
      const [vector] = await vectorsOf(binary, settings, batchOf([[1, 2, 0, 1]]), Float32Array.of(NaN, 0, 1, 0, 4, -1));
      expect(vector!.some(Number.isNaN)).toBe(true);
    }
  });

  it('adds up through the door: three clients say what one that has all rows says', async () => {
    const context: QueryContext = {
      ...binary,
      measures: { ...nothingMeasured.measures, report: [asked.attributions, asked.dependence] },
    };
    const random = createSeededRandom('rows');
    const words = new Uint32Array(4);
    const rows = Array.from({ length: 30 }, (): [number, number, number, number] => {
      random.words(words);
      return [(words[0]! % 8) - 3, (words[1]! % 10) - 5, words[2]! % 3, words[3]! % 2];
    });
    const whole = await released(context, batchOf(rows));
    const parts = await Promise.all(
      [0, 1, 2].map((k) => released(context, batchOf(rows.filter((_, i) => i % 3 === k)))),
    );
    const sum = whole.map((_, i) => parts.reduce((total, part) => total + part[i]!, 0));
    expect([...sum]).toEqual([...whole]);
    const [first, second] = concludeMeasures(partOf(context), sum, context, 0);
    expect([first!.report.units, second!.report.units]).toEqual([30, 30]);
  });
});

function partOf(context: QueryContext): PartSpec {
  const query = queryByName('report');
  const dimension = layoutLength(query.layout(context));
  const noNoise = { noiseVarianceSteps: 0, sumLimitSteps: 2 ** 30, samplingNumerator: 2 ** 32 };
  return {
    slot: 'report',
    query: 'report',
    dataPart: 'test',
    dimension,
    clipNormL2: 1,
    ...gridFor(1, dimension),
    ...noNoise,
  };
}

async function released(context: QueryContext, batch: UnitBatch): Promise<Int32Array> {
  return contributeSession({
    context,
    parts: [partOf(context)],
    unitsOf: () => batch,
    model: referenceModel(context.topology, 5, context.loss),
    weights: linear,
    random: createSeededRandom('door'),
    allowInsecureRandom: true,
  });
}

describe('attributions', () => {
  it('are weight times distance from the public baseline, a category as one, scaled down together', async () => {
    const [small, large] = await vectorsOf(
      binary,
      asked.attributions,
      batchOf([
        [1, 3, 0, 1],
        [3, 3, 2, 1],
      ]),
    );
    // Age 2, count 0, pain 1, each by A.
    expect(small).toEqual([1, 0, 0.5, 0, 0.25, 0.5, 0, 0.25].map((value) => expect.closeTo(value, 9)));
    // Age 6, pain 4: of norm √52, scaled down to 4.
    const scale = 1 / Math.sqrt(52);
    expect(large).toEqual(
      [1, 1, 6 * scale, 0, 4 * scale, 6 * scale, 0, 4 * scale].map((value) => expect.closeTo(value, 9)),
    );
    expect(measureOf(asked.attributions).normL2(binary, asked.attributions)).toBe(Math.sqrt(9.25));
  });

  it('say means by column, ranked, and how many rows were scaled down', async () => {
    const vectors = await vectorsOf(
      binary,
      asked.attributions,
      batchOf([
        [1, 3, 0, 1],
        [-1, 3, 0, 1],
      ]),
    );
    const figures = concluded<AttributionFigures>(binary, asked.attributions, vectors);
    expect(figures.units).toBe(2);
    expect(
      figures.features.map(({ name, meanAbsolute, mean }) => [name, meanAbsolute.figure?.value, mean.figure?.value]),
    ).toEqual([
      ['age', expect.closeTo(2, 9), expect.closeTo(0, 9)],
      ['pain', expect.closeTo(1, 9), expect.closeTo(1, 9)],
      ['count', 0, 0],
    ]);
    expect(figures).toMatchObject({ explained: 'positive', drowned: null });
    expect(figures.figures.map(({ name }) => name)).toContain('age.meanAbsolute');
    expect(figures.figures.at(-1)).toMatchObject({ name: 'clippedShare', figure: { value: 0 } });
  });

  it('withhold what noise drowns, with a reason, and cover the truth', async () => {
    const rows = Array.from({ length: 400 }, (_, i): [number, number, number, number] => [(i % 3) - 1, 2, i % 3, 1]);
    const vectors = await vectorsOf(binary, asked.attributions, batchOf(rows));
    const truth = concluded<AttributionFigures>(binary, asked.attributions, vectors);
    let [covered, told] = [0, 0];
    // Noise of 0.1 in each mean.
    for (let seed = 0; seed < 200; seed++) {
      const found = concluded<AttributionFigures>(binary, asked.attributions, vectors, normalNoise(20, `${seed}`));
      const ofAge = found.features.find(({ name }) => name === 'age')!.meanAbsolute.figure;
      expect(ofAge).not.toBeNull();
      const { value, noiseHalfWidth } = ofAge!;
      const named = found.figures.find(({ name }) => name === 'age.meanAbsolute')!;
      expect(named.floor! / noiseHalfWidth).toBeCloseTo(2.394 / 1.96, 3);
      covered += Number(
        Math.abs(value - truth.features.find(({ name }) => name === 'age')!.meanAbsolute.figure!.value) <=
          noiseHalfWidth,
      );
      // A column without weight: noise alone passes its own 95 % seldom.
      told += Number(found.features.find(({ name }) => name === 'count')!.meanAbsolute.figure !== null);
    }
    expect(covered / 200).toBeGreaterThan(0.9);
    expect(told / 200).toBeLessThan(0.05);
    const drowned = concluded<AttributionFigures>(binary, asked.attributions, vectors, normalNoise(300, 'loud'));
    expect(releasedImportance(3, truth)).toEqual({
      round: 3,
      features: ['pain', 'age', 'count'].map((name) => {
        return { name, value: expect.any(Number) as number, noiseHalfWidth: 0 };
      }),
    });
    expect(releasedImportance(3, drowned).features.length).toBe(
      drowned.features.filter(({ meanAbsolute }) => meanAbsolute.figure !== null).length,
    );
    const silent = drowned.features.filter(({ meanAbsolute }) => meanAbsolute.figure === null);
    expect(silent.length).toBeGreaterThan(0);
    expect(silent[0]!.meanAbsolute.withheld).toMatch(
      /^(drowned: among 3 figures noise alone reaches ±\d|too few units)/,
    );
    expect(drowned.drowned).toMatch(/of 3 columns cannot be told beside the noise of a sum over about -?\d+ units/);
  });

  it('of several classes are the predicted one’s, and few units are withheld', async () => {
    const weights = Float32Array.from({ length: 39 }, (_, i) => Math.sin(i));
    const vectors = await vectorsOf(
      classes,
      asked.attributions,
      batchOf([
        [1, 3, 0, 1],
        [-1, 3, 2, 1],
      ]),
      weights,
    );
    const figures = concluded<AttributionFigures>(classes, asked.attributions, vectors);
    expect(figures.explained).toBe('predicted');
    const few = concluded<AttributionFigures>({ ...classes, minimumUnits: 10 }, asked.attributions, vectors);
    expect(few.features.every(({ meanAbsolute }) => meanAbsolute.withheld === 'fewer than 10 units')).toBe(true);
  });

  it('of pictures are told by pixel where they are small, else by cells of a grid', () => {
    const picture = (height: number, width: number, channels: number): InputColumn => ({
      ...plain,
      kind: 'pixels',
      name: 'scan',
      from: 2,
      to: 2 + height * width * channels,
      low: -1,
      high: 1,
      image: { height, width, channels },
    });
    const small = explainedFeatures([picture(4, 8, 1)]);
    expect(small.map(({ name }) => name).slice(7, 9)).toEqual(['scan[0,7]', 'scan[1,0]']);
    expect(small.every(({ inputs }) => inputs.length === 1)).toBe(true);
    const large = explainedFeatures([picture(28, 28, 3)]);
    expect(large).toHaveLength(49);
    expect(large[1]!.inputs.slice(0, 13)).toEqual([...Array.from({ length: 12 }, (_, i) => 2 + 12 + i), 2 + 84 + 12]);
    expect(large.flatMap(({ inputs }) => inputs).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 28 * 28 * 3 }, (_, i) => 2 + i),
    );
  });
});

describe('permutation importance', () => {
  it('counts what replacements cost, and nothing for a column without weight', async () => {
    const rows = Array.from({ length: 300 }, (_, i): [number, number, number, number] => {
      const [age, pain] = [((i % 11) - 5) / 3, i % 3];
      return [age, (i % 7) - 3, pain, Number(2 * age + [1, 0, 4][pain]! - 1 > 0)];
    });
    const vectors = await vectorsOf(binary, asked.permutation, batchOf(rows));
    const figures = concluded<PermutationFigures>(binary, asked.permutation, vectors);
    expect(figures.accuracy.figure?.value).toBe(1);
    const dropOf = (name: string) => figures.features.find((feature) => feature.name === name)!.drop.figure!;
    expect(dropOf('count').value).toBe(0);
    expect(dropOf('age').value).toBeGreaterThan(0.1);
    // By hand, from draws of its own: each of the three texts is as likely.
    const still = (age: number, target: number) =>
      [1, 0, 4].filter((pain) => Number(2 * age + pain - 1 > 0) === target).length / 3;
    const expected = 1 - rows.reduce((sum, [age, , , target]) => sum + still(age, target), 0) / rows.length;
    expect(Math.abs(dropOf('pain').value - expected)).toBeLessThan(0.03);
    expect(dropOf('pain').low).toBeLessThan(dropOf('pain').value);
    const drowned = concluded<PermutationFigures>(binary, asked.permutation, vectors, normalNoise(100, 'loud'));
    expect(drowned.drowned).not.toBeNull();
    const few = concluded<PermutationFigures>({ ...binary, minimumUnits: 1_000 }, asked.permutation, vectors);
    expect(few.features[0]!.drop.withheld).toBe('fewer than 1000 units');
  });

  it('draws numbers from the schema alone: by its scale, or over its range', async () => {
    // Right above an age that is 2.5 deviations off: replaced by what is usual it never is, over the range now and then.
    const steep = Float32Array.of(100, 0, 0, 0, 0, -250);
    const rows = batchOf(Array.from({ length: 500 }, () => [3, 0, 0, 1] as const));
    const dropBy = async (reference: 'scale' | 'range') => {
      const settings = permutationSettings.parse({ kind: 'permutation', reference, repeats: 1 });
      const figures = concluded<PermutationFigures>(binary, settings, await vectorsOf(binary, settings, rows, steep));
      return figures.features.find(({ name }) => name === 'age')!.drop.figure!.value;
    };
    expect(await dropBy('scale')).toBe(1);
    // Uniform in [-3, 5]: above 2.5 in 5 of 16.
    expect(Math.abs((await dropBy('range')) - 11 / 16)).toBeLessThan(0.07);
  });
});

describe('partial dependence', () => {
  it('is the mean probability with the column set', async () => {
    const vectors = await vectorsOf(
      binary,
      asked.dependence,
      batchOf([
        [1, 3, 0, 1],
        [-2, 3, 2, 1],
      ]),
    );
    const figures = concluded<DependenceFigures>(binary, asked.dependence, vectors);
    const chance = (logit: number): number => 1 / (1 + Math.exp(-logit));
    expect(figures.of).toBe('yes');
    expect(figures.curves.map(({ name, kind }) => [name, kind])).toEqual([
      ['age', 'number'],
      ['pain', 'category'],
    ]);
    const [age, pain] = figures.curves.map(({ points }) =>
      points.map(({ value, mean }) => [value, mean.figure!.value]),
    );
    expect(age).toEqual([
      [50, expect.closeTo((chance(0) + chance(3)) / 2, 9)],
      [60, expect.closeTo((chance(2) + chance(5)) / 2, 9)],
    ]);
    expect(pain![2]).toEqual(['much', expect.closeTo((chance(5) + chance(-1)) / 2, 9)]);
    expect(figures.figures[0]).toMatchObject({ name: 'age[50]' });
    const negative = dependenceSettings.parse({ ...asked.dependence, of: 'no' });
    const other = concluded<DependenceFigures>(
      binary,
      negative,
      await vectorsOf(binary, negative, batchOf([[1, 3, 0, 1]])),
    );
    expect(other.curves[0]!.points[0]!.mean.figure!.value).toBeCloseTo(1 - chance(0), 9);
  });

  it('of a number is its scaled value, clipped, and stands on a grid over the range', async () => {
    const settings = dependenceSettings.parse({ kind: 'dependence', columns: [{ name: 'age' }], points: 5 });
    const vectors = await vectorsOf(number, settings, batchOf([[0, 0, 1, 0]]));
    const [{ points }] = concluded<DependenceFigures>(number, settings, vectors).curves as [
      DependenceFigures['curves'][0],
    ];
    expect(points.map(({ value, mean }) => [value, mean.figure!.value])).toEqual([
      [20, -4],
      [40, expect.closeTo(-3, 9)],
      [60, expect.closeTo(1, 9)],
      [80, 4],
      [100, 4],
    ]);
  });

  it('asks an amount behind a logarithm by its logarithm', () => {
    const scaling = { transform: 'log1p', centre: 0, scale: 1 } as const;
    const amount: InputColumn = {
      ...plain,
      kind: 'number',
      name: 'gain',
      from: 0,
      to: 1,
      low: 0,
      high: Math.fround(Math.log(1_001)),
      scaling,
    };
    const settings = dependenceSettings.parse({ kind: 'dependence', columns: [{ name: 'gain' }], points: 3 });
    const context: QueryContext = { ...binary, columns: [amount] };
    const { curves } = concluded<DependenceFigures>(context, settings, [[10, 0, 0, 0]]);
    expect(curves[0]!.points.map(({ value }) => value)).toEqual([0, expect.closeTo(Math.sqrt(1_001) - 1, 2), 1000]);
  });
});

describe('what cannot be answered is a fault of the plan', () => {
  const tokens: QueryContext = {
    ...binary,
    topology: {
      layers: [
        { kind: 'embedding', vocabulary: 10, units: 4 },
        { kind: 'flatten' },
        { kind: 'dense', units: 1, activation: 'linear' },
      ],
    },
  };
  const dependenceOn = (...columns: unknown[]) => ({ kind: 'dependence', columns });
  it.each([
    [tokens, { kind: 'attributions' }, '', 'reads tokens'],
    [tokens, { kind: 'permutation' }, '', 'reads tokens'],
    [number, { kind: 'permutation' }, '', 'a number has none'],
    [binary, dependenceOn({ name: 'shoe' }), 'columns[0].name', 'column shoe is not in the schema'],
    [binary, dependenceOn({ name: 'age', values: [200] }), 'columns[0].values', '200 is no number within its range'],
    [binary, dependenceOn({ name: 'age' }, { name: 'age' }), 'columns[1].name', 'asked for twice'],
    [
      binary,
      dependenceOn({ name: 'pain', values: ['none', 'dull'] }),
      'columns[0].values',
      'dull is not among its values',
    ],
    [binary, dependenceOn({ name: 'age', values: [60, 60] }), 'columns[0].values', 'listed twice'],
    [classes, dependenceOn({ name: 'age' }), 'of', 'no class is named'],
    [classes, { ...dependenceOn({ name: 'age' }), of: 'z' }, 'of', 'the target has no text z'],
    [number, { ...dependenceOn({ name: 'age' }), of: 'z' }, 'of', 'the target is a number'],
  ])('(%#)', (context, settings, path, problem) => {
    const schemas = {
      attributions: attributionsSettings,
      permutation: permutationSettings,
      dependence: dependenceSettings,
    };
    const whole = schemas[settings.kind as keyof typeof schemas].parse(settings);
    const found = measureOf(whole).problems(context, whole);
    expect(found).toEqual([expect.objectContaining({ path, problem: expect.stringContaining(problem) })]);
  });

  it('and what can be is none', () => {
    for (const settings of Object.values(asked)) expect(measureOf(settings).problems(binary, settings)).toEqual([]);
  });
});
