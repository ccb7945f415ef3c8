import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scoreHistogram } from '../../metrics/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { peopleBatch, peopleContext, releasedOf, scoreModel, type Person } from '../testing/measured-people.ts';
import { concludeFairness, fairness, fairnessSettings, type FairnessFigures } from './fairness.ts';
import type { NamedFigure } from './measure.ts';
import { measureSums } from './measures-query.ts';

const bySex = { kind: 'fairness', attributes: [{ columns: ['sex'] }] };

async function fairnessOf(measure: object, clients: readonly (readonly Person[])[], changes = {}) {
  const [only] = await releasedOf(peopleContext(measure, changes), clients);
  return only!.report as FairnessFigures;
}

function figure(figures: readonly NamedFigure[], name: string): NamedFigure {
  const found = figures.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no figure ${name} among ${figures.map((one) => one.name).join(', ')}`);
  return found;
}

/** People of two groups, drawn from a seed. */
function drawn(seed: string, count: number): Person[] {
  const random = createSeededRandom(seed);
  const uniform = () => new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
  return Array.from({ length: count }, () => {
    const sex = uniform() < 0.4 ? 'F' : 'M';
    const label = Number(uniform() < (sex === 'F' ? 0.3 : 0.6));
    const score = Math.fround((uniform() + uniform() + label) / 3);
    return { sex, stage: uniform() < 0.5 ? 'young' : 'old', age: Math.floor(100 * uniform()), label, score };
  });
}

describe('the vector', () => {
  it('has one cell an attribute and one of its scores, whatever group a row is in', async () => {
    const measure = {
      ...bySex,
      attributes: [...bySex.attributes, { columns: ['stage', { column: 'age', cuts: [18, 65] }] }],
      bins: 4,
    };
    const context = peopleContext(measure);
    const settings = fairnessSettings.parse(measure);
    const people: Person[] = [
      { sex: 'F', label: 1, score: 0.9, age: 17 },
      { sex: 'nobody knows', stage: 'old', label: 0, score: 0.5, age: 18 },
      { sex: 'M', stage: 'old', label: 0, score: 1, age: 65 },
    ];
    const batch = peopleBatch(people);
    const outputs = await scoreModel(1).predict(batch.inputs, batch.rows);
    const vectors: Float64Array[] = [];
    const input = {
      context,
      batch,
      outputs,
      differentiable: () => Promise.reject(new Error()),
      seed: new Uint8Array(32),
    };
    await fairness.contribute(input, settings, (_, vector) => vectors.push(vector.slice()));
    const layout = fairness.layout(context, settings);
    const cells = vectors.map((vector) => {
      expect(vector.length).toBe(layoutLength(layout));
      const weights = layout.flatMap(({ length, weight = 1 }) => Array.from({ length }, () => weight));
      expect(Math.hypot(...vector.map((value, i) => weights[i]! * value))).toBeCloseTo(
        fairness.normL2(context, settings),
        12,
      );
      const sums = measureSums(layout, vector, 0);
      return layout.map(({ name }) => [name, sums.segment(name).findIndex((cell) => cell !== 0)]);
    });
    // Ten groups of sex, the last of those who have none of the values; by stage (two and none) three groups of age each.
    expect(cells[0]).toEqual([
      ['sex/confusion', 3],
      ['sex/scores', 3],
      ['stage+age/confusion', 3],
      ['stage+age/scores', 3],
    ]);
    // A score of exactly one half is no prediction of the positive class, and is in the third of four bins.
    expect(cells[1]).toEqual([
      ['sex/confusion', 36],
      ['sex/scores', 78],
      ['stage+age/confusion', 16],
      ['stage+age/scores', 38],
    ]);
    expect(cells[2]).toEqual([
      ['sex/confusion', 5],
      ['sex/scores', 15],
      ['stage+age/confusion', 21],
      ['stage+age/scores', 47],
    ]);
  });

  it('of a score that is no number is none', async () => {
    const measure = { ...bySex, bins: 4 };
    const report = await fairnessOf(measure, [
      [
        { sex: 'F', label: 1, score: NaN },
        { sex: 'F', label: 1, score: 0.7 },
      ],
    ]);
    expect(report.units).toBe(1);
  });
});

const folder = process.env['SOTTO_SHARED'];
type Cells = { tp: number; fp: number; fn: number; tn: number };
type GoldenCase = {
  name: string;
  input: { yTrue: number[]; score: number[]; group: string[]; client: number[]; threshold: number };
  expected: {
    byGroup: Record<string, Cells & Record<'tpr' | 'selectionRate' | 'ppv', number | null>>;
    overall: Record<string, number>;
  };
};

describe.skipIf(folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all')(
  'golden values of fairlearn, counted by clients (SOTTO_SHARED/golden/trust/fairness.json)',
  () => {
    it('are those of the pooled rows exactly', async () => {
      if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
      const golden: { cases: GoldenCase[] } = JSON.parse(
        readFileSync(join(folder, 'golden/trust/fairness.json'), 'utf8'),
      );
      expect(golden.cases.length).toBe(6);
      for (const { input, expected } of golden.cases) {
        const isPair = input.group[0]!.includes('|');
        const clients: Person[][] = [[], [], [], [], []];
        input.yTrue.forEach((label, row) => {
          const [sex = '', stage = 'young'] = input.group[row]!.split('|');
          // The measure's threshold is one half.
          const score = input.score[row]! >= input.threshold ? 0.9 : 0.1;
          clients[input.client[row]!]!.push({ sex, stage, label, score });
        });
        const columns = isPair ? ['sex', 'stage'] : ['sex'];
        const report = await fairnessOf({ kind: 'fairness', attributes: [{ name: 'group', columns }] }, clients);
        const pooled = await fairnessOf({ kind: 'fairness', attributes: [{ name: 'group', columns }] }, [
          clients.flat(),
        ]);
        expect(report).toEqual(pooled);
        expect(report.units).toBe(input.yTrue.length);
        const groups = report.attributes[0]!.groups.filter(({ units }) => units > 0);
        expect(groups.length).toBe(Object.keys(expected.byGroup).length);
        for (const { group, counts, rates } of groups) {
          const { tp, fp, fn, tn, ...other } = expected.byGroup[group.replace(' & ', '|')]!;
          expect(counts).toEqual({ tp, fp, fn, tn });
          const near = (name: string, value: number | null): void => {
            const found = figure(rates, name).figure;
            if (value === null) expect(found).toBeNull();
            else expect(Math.abs(found!.value - value)).toBeLessThan(1e-9);
          };
          near('truePositiveRate', other.tpr);
          near('selectionRate', other.selectionRate);
          near('positivePredictiveValue', other.ppv);
        }
        const { figures } = report;
        expect(figure(figures, 'group.demographicParity').figure!.value).toBeCloseTo(
          expected.overall['demographicParityDifference']!,
          9,
        );
        expect(figure(figures, 'group.disparateImpact').figure!.value).toBeCloseTo(
          expected.overall['demographicParityRatio']!,
          9,
        );
      }
    });
  },
);

describe('what is concluded', () => {
  it('of histograms of scores equals the pooled ones exactly, and calibration and thresholds come of them', async () => {
    const people = drawn('histograms', 900);
    const measure = { ...bySex, bins: 20 };
    const split = [people.slice(0, 100), people.slice(100, 350), [], people.slice(350)];
    const [report, pooled] = [await fairnessOf(measure, split), await fairnessOf(measure, [people])];
    expect(report).toEqual(pooled);
    const [women] = report.attributes[0]!.groups;
    const of = people.filter(({ sex }) => sex === 'F');
    const histogram = scoreHistogram(
      of.map(({ score }) => score),
      of.map(({ label }) => label),
      20,
    );
    expect(women!.histogram).toEqual({ positives: [...histogram.positives], negatives: [...histogram.negatives] });
    expect(figure(women!.rates, 'calibrationError').figure).not.toBeNull();
    const suggested = report.attributes[0]!.thresholds!;
    expect(suggested.map(({ criterion }) => criterion)).toEqual([
      'equalizedOdds',
      'equalOpportunity',
      'demographicParity',
    ]);
    for (const { criterion, expected } of suggested) expect(expected[criterion]).toBeLessThan(1e-9);
  });

  it('names every difference, and between whom it lies', async () => {
    const report = await fairnessOf(bySex, [drawn('names', 400)]);
    expect(report.figures.map(({ name }) => name)).toEqual([
      'sex.demographicParity',
      'sex.disparateImpact',
      'sex.equalOpportunity',
      'sex.equalizedOdds',
      'sex.predictiveParity',
      'sex.accuracyGap',
      'sex.equalizedOddsMean',
    ]);
    expect(report.attributes[0]!.extremes[0]).toEqual({ figure: 'sex.demographicParity', highest: 'M', lowest: 'F' });
    expect(report.attributes[0]!.thresholds).toBeNull();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('of small groups is withheld, of the others not; a group of nobody is small too', async () => {
    const people: Person[] = [
      ...drawn('minimum', 300),
      ...Array.from({ length: 9 }, () => ({ sex: 'a', label: 1, score: 0.9 })),
    ];
    const report = await fairnessOf(bySex, [people], { minimumUnits: 10 });
    const small = report.attributes[0]!.groups.find(({ group }) => group === 'a')!;
    expect(small).toMatchObject({ withheld: 'about 9 units, at least 10 are needed', counts: null, weights: [] });
    expect(small.rates.every(({ figure: one, withheld }) => one === null && withheld === small.withheld)).toBe(true);
    expect(figure(report.figures, 'sex.demographicParity').figure!.value).toBeLessThan(0.9);
    const alone = await fairnessOf(bySex, [people.slice(300)]);
    expect(figure(alone.figures, 'sex.equalizedOdds')).toEqual({
      name: 'sex.equalizedOdds',
      figure: null,
      withheld: 'fewer than two groups have a rate to compare',
    });
  });

  it('under noise needs groups larger than what noise alone would count, and says what noise alone would show', () => {
    const settings = fairnessSettings.parse(bySex);
    const context = peopleContext(bySex);
    const layout = fairness.layout(context, settings);
    const cells = new Float64Array(layoutLength(layout)).fill(8);
    cells.set([200, 20, 50, 130, 220, 60, 30, 190]);
    const report = concludeFairness(context, settings, measureSums(layout, cells, 6));
    // 4 · 8 = 32 are fewer than 3 · 6 · √4 = 36.
    expect(report.attributes[0]!.groups.map(({ withheld }) => withheld === null)).toEqual([
      true,
      true,
      ...Array(8).fill(false),
    ]);
    const parity = figure(report.figures, 'sex.demographicParity');
    expect(parity.figure!.noiseHalfWidth).toBeGreaterThan(0.01);
    expect(parity.floor).toBeGreaterThan(0.01);
    const drowned = concludeFairness(context, settings, measureSums(layout, cells, 60));
    expect(figure(drowned.figures, 'sex.demographicParity').figure).toBeNull();
  });

  it('at unit client is a mean over clients, each counting the same', async () => {
    const [one, other] = [drawn('one', 50), drawn('other', 500)];
    const report = await fairnessOf(bySex, [one, other], { unit: 'client' });
    expect(report.units).toBeCloseTo(2, 2);
    const share = (people: readonly Person[]) => people.filter(({ sex }) => sex === 'F').length / people.length;
    expect(report.attributes[0]!.groups[0]!.units).toBeCloseTo(share(one) + share(other), 2);
  });

  it('of several classes compares accuracies and what is predicted', async () => {
    const people: Person[] = [
      ...Array.from({ length: 30 }, (_, i) => ({ sex: 'F', label: i % 3, score: i % 2 })),
      ...Array.from({ length: 40 }, (_, i) => ({ sex: 'M', label: i % 3, score: i % 3 })),
    ];
    const changes = { target: 'classes', outputs: 3, classes: ['r', 's', 't'], loss: 'categoricalCrossEntropy' };
    const report = await fairnessOf(bySex, [people.slice(0, 11), people.slice(11)], changes);
    expect(report).toEqual(await fairnessOf(bySex, [people], changes));
    const [women, men] = report.attributes[0]!.groups;
    expect(figure(women!.rates, 'accuracy').figure!.value).toBeCloseTo(10 / 30, 12);
    expect(figure(women!.rates, 'predicted t').figure!.value).toBe(0);
    expect(figure(men!.rates, 'predicted r').figure!.value).toBeCloseTo(14 / 40, 12);
    expect(figure(report.figures, 'sex.accuracyGap').figure!.value).toBeCloseTo(2 / 3, 12);
    expect(figure(report.figures, 'sex.demographicParity').figure!.value).toBeCloseTo(13 / 40, 12);
  });
});

describe('problems', () => {
  it.each([
    [{ columns: ['gender'] }, 'attributes[0].columns[0]', 'the schema has no column gender'],
    [{ columns: ['photo'] }, 'attributes[0].columns[0]', 'photo is an image, which puts nobody into a group'],
    [{ columns: ['age'] }, 'attributes[0].columns[0]', 'age is a number and needs cuts'],
    [{ columns: [{ column: 'sex', cuts: [1] }] }, 'attributes[0].columns[0]', 'sex is a category, which has no cuts'],
    [{ columns: ['sex', 'sex'] }, 'attributes[0].columns[1]', 'the column sex stands twice'],
    [
      { columns: [{ column: 'age', cuts: [120] }] },
      'attributes[0].columns[0].cuts[0]',
      '120 is no cut: no value of age lies above it',
    ],
    [{ columns: [{ column: 'age', cuts: [30, 20] }] }, 'attributes[0].columns[0].cuts[1]', 'cuts must grow'],
    [
      { columns: ['sex', 'stage', { column: 'age', cuts: [10, 20, 30, 40, 50, 60, 70, 80, 90] }] },
      'attributes[0].columns',
      '300 groups, at most 256 can be told apart',
    ],
  ])('%j', (attribute, path, problem) => {
    const settings = fairnessSettings.parse({ kind: 'fairness', attributes: [attribute] });
    const [found, ...more] = fairness.problems(peopleContext(bySex), settings);
    expect(found).toMatchObject({ path, problem });
    expect(more).toEqual([]);
  });

  it('of values by which two groups would have one name', () => {
    const column = peopleContext(bySex).columns[0]!;
    const context = peopleContext(bySex, { columns: [{ ...column, values: ['F', '(empty)', ''] }] });
    expect(fairness.problems(context, fairnessSettings.parse(bySex))).toMatchObject([
      { path: 'attributes[0].columns', problem: 'two groups would be called (empty)' },
    ]);
  });

  it('of number targets, of attributes with one name, of odd bins', () => {
    const number = peopleContext(bySex, { target: 'number', classes: [] });
    expect(fairness.problems(number, fairnessSettings.parse(bySex))[0]!.problem).toContain('a number target');
    const twice = fairnessSettings.parse({
      ...bySex,
      attributes: [{ columns: ['sex'] }, { name: 'sex', columns: ['stage'] }],
    });
    expect(fairness.problems(peopleContext(bySex), twice)[0]).toMatchObject({
      path: 'attributes[1].name',
      problem: 'two attributes are called sex',
    });
    const odd = fairnessSettings.parse({ ...bySex, bins: 7 });
    expect(fairness.problems(peopleContext(bySex), odd)[0]!.path).toBe('bins');
  });
});
