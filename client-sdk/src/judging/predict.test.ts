import { describe, expect, it } from 'vitest';
import { encodeRecords } from './encode-records.ts';
import { createJudgedModel } from './judged-model.ts';
import { predictRows } from './predict.ts';
import { exampleSchema, linearModel } from '../testing/example-model.ts';

const row = { age: 60, income: 20_000, pain: 'some' };

describe('rows as records', () => {
  const schema = exampleSchema();
  it('are encoded as training encodes the texts of a table', () => {
    const inputs = encodeRecords(schema, [row, { patient: 'p', ill: null, age: '6e1', income: null, pain: 'other' }]);
    const income = Math.fround((Math.log1p(20_000) - 10) / 2);
    expect([...inputs]).toEqual([1, income, 0, 1, 0, 1, income, 0, 0, 0]);
  });

  it.each([
    [{ ...row, agee: 60 }, 'row 2: the schema "example" has no column agee'],
    [{ age: 60, pain: 'some' }, 'row 2: lacks income'],
    [{ ...row, age: null }, 'row 2: age: the value is missing and the schema has no fill value'],
    [{ ...row, age: 101 }, 'row 2: age: outside [20, 100]'],
    [{ ...row, age: Number.NaN }, 'row 2: age: not a number'],
    [{ ...row, age: 'sixty' }, 'row 2: age: not a number'],
  ])('%j is refused', (broken, message) => {
    expect(() => encodeRecords(schema, [row, broken])).toThrow(message);
  });
});

describe('predictions', () => {
  it('of a binary target are probabilities of both texts; a temperature draws them to one half', async () => {
    const judged = await linearModel('binary', [[2], [0], [0], [0], [0]], [-1]);
    const inputs = encodeRecords(judged.schema, [row, { ...row, age: 50 }]);
    const [older, younger] = predictRows(judged, inputs);
    const probability = 1 / (1 + Math.exp(-1));
    expect(older).toEqual({
      kind: 'class',
      value: 'yes',
      probabilities: [
        { value: 'yes', probability: expect.closeTo(probability, 12) },
        { value: 'no', probability: expect.closeTo(1 - probability, 12) },
      ],
    });
    expect(younger).toMatchObject({ value: 'no' });
    const [cooler] = predictRows(judged, inputs, 2);
    expect(cooler).toMatchObject({
      value: 'yes',
      probabilities: [{ probability: expect.closeTo(1 / (1 + Math.exp(-0.5)), 12) }, {}],
    });
    expect(() => predictRows(judged, inputs, 0)).toThrow('temperature: expected a number above 0, got 0');
  });

  it('of classes add up to 1, of a number are in its own unit', async () => {
    const kernel = [[1, 0, -1], ...Array.from({ length: 4 }, () => [0, 0, 0])];
    const classes = await linearModel('classes', kernel, [0, 0.5, 0]);
    const [prediction] = predictRows(classes, encodeRecords(classes.schema, [row]));
    if (prediction?.kind !== 'class') throw new Error('no class');
    expect(prediction.value).toBe('a');
    expect(prediction.probabilities.map(({ value }) => value)).toEqual(['a', 'b', 'c']);
    expect(prediction.probabilities.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    const days = await linearModel('number', [[1], [0], [0], [0], [0]], [0.5]);
    expect(predictRows(days, encodeRecords(days.schema, [row]))).toEqual([{ kind: 'number', value: 1.5 * 5 + 20 }]);
  });

  it('are refused of inputs that do not fit and of weights that are no numbers', async () => {
    const judged = await linearModel('binary', [[2], [0], [0], [0], [0]], [-1]);
    expect(() => predictRows(judged, new Float64Array(7))).toThrow('inputs: expected rows of 5, got 7 values');
    expect(() => predictRows(judged, new Float64Array(5).fill(NaN))).toThrow('expected finite outputs, got NaN');
    await expect(linearModel('binary', [[NaN], [0], [0], [0], [0]], [-1])).rejects.toThrow('got NaN at 0');
    const spec = { schema: exampleSchema(), loss: 'binaryCrossEntropy', topology: { layers: [] } } as const;
    await expect(createJudgedModel({ ...spec, topology: { layers: [] } }, new Float32Array(0))).rejects.toThrow(
      'every layer keeps its weights',
    );
  });
});
