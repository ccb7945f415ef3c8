import type { Topology } from '@sotto/shared/model';
import { parseDataSchema } from '@sotto/shared/plan';
import { describe, expect, it } from 'vitest';
import { encodeRecords } from './encode-records.ts';
import { explainRow } from './explain-row.ts';
import { findCounterfactual } from './counterfactual.ts';
import { createJudgedModel } from './judged-model.ts';
import { occlusionMap } from './occlusion.ts';
import { predictRows } from './predict.ts';
import type { ScalarOutput } from '@sotto/shared/judging';
import { linearModel } from '../testing/example-model.ts';

const row = { age: 60, income: 20_000, pain: 'some' };
/** Age counts 2 for ten years, income nothing, some pain 1 and much pain 4. */
const binary = () => linearModel('binary', [[2], [0], [0], [1], [4]], [-6]);

describe('explaining a row', () => {
  it.each(['integratedGradients', 'shapley'] as const)('by %s gives a linear model its own terms', async (method) => {
    const judged = await binary();
    const [input] = [encodeRecords(judged.schema, [row])];
    const found = explainRow(judged, input, { method });
    expect(found).toMatchObject({
      method: method === 'shapley' ? 'exactShapley' : method,
      explained: { kind: 'logOdds', of: 'yes' },
      prediction: { value: 'no' },
      base: -6,
      value: expect.closeTo(-3, 9),
      complete: true,
      features: [
        { column: 'age', value: 60, baseline: 50, attribution: expect.closeTo(2, 9), standardError: null },
        // The baseline is the public fill value, which this row has.
        { column: 'income', value: 20_000, baseline: 20_000, attribution: expect.closeTo(0, 9) },
        { column: 'pain', value: 'some', baseline: null, attribution: expect.closeTo(1, 9) },
      ],
    });
    expect(Math.abs(found.gap)).toBeLessThan(1e-9);
    const negative = explainRow(judged, input, { method, explained: 'no' });
    expect(negative.features.map(({ attribution }) => attribution)).toEqual(
      found.features.map(({ attribution }) => -attribution),
    );
    expect(() => explainRow(judged, input, { explained: 'maybe' })).toThrow('expected one of yes, no, got maybe');
  });

  it('explains a class by its logit and a number in its own unit', async () => {
    const kernel = [[1, 0, -1], ...Array.from({ length: 4 }, () => [0, 0, 0])];
    const classes = await linearModel('classes', kernel, [0, 0.5, 0]);
    const found = explainRow(classes, encodeRecords(classes.schema, [row]), { explained: 'c' });
    expect(found).toMatchObject({ explained: { kind: 'logit', of: 'c' }, base: 0, value: -1 });
    const days = await linearModel('number', [[1], [0], [0], [0], [0]], [0.5]);
    expect(explainRow(days, encodeRecords(days.schema, [row]))).toMatchObject({
      explained: { kind: 'value', of: 'days' },
      base: 22.5,
      value: 27.5,
      features: [{ attribution: expect.closeTo(5, 9) }, {}, {}],
    });
  });
});

describe('counterfactuals', () => {
  it('change the one column that turns the prediction with the smallest change', async () => {
    const judged = await binary();
    const input = encodeRecords(judged.schema, [row]);
    const found = findCounterfactual(judged, input)!;
    // Log odds of -3 and 2 for ten years: at 75 years they are 0.
    expect(found.changes).toEqual([{ column: 'age', from: 60, to: expect.closeTo(75, 0) }]);
    expect(found.distance).toBeCloseTo(15 / 80, 1);
    expect(found.prediction).toMatchObject({ value: 'yes' });
    // What is shown is what turns it, when it is entered again.
    const again = encodeRecords(judged.schema, [{ ...row, age: found.changes[0]!.to }]);
    expect(predictRows(judged, again)[0]).toMatchObject({ value: 'yes' });
  });

  it('leave columns as they are that must stay, and say so where nothing then turns it', async () => {
    const judged = await linearModel('binary', [[2], [0], [0], [1], [4]], [-4]);
    const input = encodeRecords(judged.schema, [row]);
    expect(findCounterfactual(judged, input, { keep: ['age'] })!.changes).toEqual([
      { column: 'pain', from: 'some', to: 'much' },
    ]);
    expect(findCounterfactual(judged, input, { keep: ['age', 'pain'] })).toBeNull();
    expect(() => findCounterfactual(judged, input, { keep: ['size'] })).toThrow('has no column size');
    expect(() => findCounterfactual(judged, input, { wanted: 'no' })).toThrow('is predicted as no as it is');
    expect(() => findCounterfactual(judged, input, { wanted: 'maybe' })).toThrow('expected one of no, yes, got maybe');
  });

  it('change a second column where one is not enough, within the ranges', async () => {
    const judged = await linearModel('binary', [[2], [0], [0], [1], [4]], [-13]);
    const found = findCounterfactual(judged, encodeRecords(judged.schema, [row]))!;
    expect(found.changes.map(({ column }) => column).sort()).toEqual(['age', 'pain']);
    expect(found.prediction).toMatchObject({ value: 'yes' });
    const age = found.changes.find(({ column }) => column === 'age')!;
    expect(age.to).toBeGreaterThan(95);
    expect(age.to).toBeLessThanOrEqual(100);
    expect(findCounterfactual(judged, encodeRecords(judged.schema, [row]), { maxChanges: 1 })).toBeNull();
  });

  it('reach a wanted class, and are refused for a number', async () => {
    const kernel = [[1, 0, -1], ...Array.from({ length: 4 }, () => [0, 0, 0])];
    const classes = await linearModel('classes', kernel, [0, 0.5, 0]);
    const input = encodeRecords(classes.schema, [row]);
    expect(findCounterfactual(classes, input, { wanted: 'c' })!.prediction).toMatchObject({ value: 'c' });
    expect(findCounterfactual(classes, input)!.prediction).toMatchObject({ value: 'b' });
    const days = await linearModel('number', [[1], [0], [0], [0], [0]], [0.5]);
    expect(() => findCounterfactual(days, input)).toThrow('a number has no class that could turn');
  });
});

describe('counterfactuals of many columns', () => {
  it('are found without holding every changed row', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `pixel ${i}`);
    const schema = parseDataSchema({
      name: 'image',
      unitId: null,
      columns: names.map((name) => ({ kind: 'number', name, min: 0, max: 1, centre: 0, scale: 1 })),
      target: { kind: 'binary', column: 'label', positive: '1', negative: '0' },
    });
    const topology: Topology = { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] };
    // Two pixels count, neither enough.
    const weights = new Float32Array(301);
    weights.set([1, 1, -1.5], 298);
    const judged = await createJudgedModel({ schema, topology, loss: 'binaryCrossEntropy' }, weights);
    const found = findCounterfactual(judged, new Float64Array(300))!;
    expect(found.changes.map(({ column }) => column).sort()).toEqual(['pixel 298', 'pixel 299']);
    expect(found.distance).toBeCloseTo(1.5, 2);
  });
});

describe('occlusion maps', () => {
  /** The brightness of the middle pixel of 3 × 3. */
  const middle: ScalarOutput = {
    inputs: 9,
    value: (features, rows) => Float64Array.from({ length: rows }, (_, i) => features[i * 9 + 4]!),
    gradient: () => new Float64Array(0),
  };
  const image = { height: 3, width: 3, channels: 1 };

  it('average what overlapping patches take away', () => {
    const map = occlusionMap(middle, new Float64Array(9).fill(1), new Float64Array(9), image, 2, 1);
    // Patches start at every pixel and are cut at the edge; four of them cover the middle one.
    expect([...map]).toEqual([1, 1, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.25]);
  });

  it('are refused for another shape, and for patches that leave pixels out', () => {
    const zeros = new Float64Array(9);
    const wrong = { height: 2, width: 4, channels: 1 };
    expect(() => occlusionMap(middle, zeros, zeros, wrong, 2)).toThrow('2×4×1 are 8 inputs, the model has 9');
    expect(() => occlusionMap(middle, zeros, zeros, image, 2, 3)).toThrow('stride: expected 1 to 2 pixels, got 3');
    expect(() => occlusionMap(middle, zeros, zeros, image, 4)).toThrow('patch: expected 1 to 3 pixels, got 4');
  });
});
