import { describe, expect, it } from 'vitest';
import { referenceModel, selectUnits, trainedLayout } from '../model/index.ts';
import { layoutLength } from '../vector/index.ts';
import { gradient } from './gradient.ts';
import type { QueryContext } from './query.ts';
import { rowWeightProblems, rowWeightsSchema, type RowWeights } from './row-weights.ts';
import { peopleBatch, peopleColumns, peopleContext, type Person } from './testing/measured-people.ts';

const weightsOf = (value: object): RowWeights => rowWeightsSchema.parse(value);
const bySex = weightsOf({
  columns: ['sex'],
  cells: [
    { group: 'F', label: 'yes', weight: 3 },
    { group: 'F', label: 'no', weight: 0.5 },
  ],
});

const people: Person[] = [
  { sex: 'F', label: 1, score: 1, age: 2, person: 'one' },
  { sex: 'M', label: 1, score: 2, age: 1, person: 'two' },
  { sex: 'F', label: 0, score: 3, age: 3, person: 'three' },
  { sex: 'F', label: 1, score: 1, age: 1, person: 'three' },
];

/** A wide bound: what is weighted is not clipped. */
const wide: QueryContext = {
  ...peopleContext({ kind: 'clients' }),
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1e6, expectedBatch: 1 },
};
const dimension = layoutLength(trainedLayout(wide.topology, wide.inputs));
const published = Float32Array.from({ length: dimension }, (_, i) => Math.sin(i + 1) / 4);

async function vectorsOf(context: QueryContext, rows: readonly Person[]): Promise<Float64Array[]> {
  const model = referenceModel(context.topology, context.inputs, context.loss);
  await model.setWeights(published);
  const vectors: Float64Array[] = [];
  const batch = peopleBatch(rows);
  const input = { context, batch, model, weights: published, clipNormL2: null, seed: new Uint8Array(32) };
  await gradient.contribute(input, (vector) => vectors.push(vector.slice()));
  return vectors;
}

const times = (vector: Float64Array, factor: number) => [...vector].map((value) => expect.closeTo(factor * value, 5));
const normOf = (vector: Float64Array) => Math.hypot(...vector);

describe('weights of rows', () => {
  it('multiply a row’s gradient, before the rows of a unit are summed', async () => {
    const weighted = await vectorsOf({ ...wide, weights: bySex }, people);
    const plain = await vectorsOf(
      wide,
      people.map(({ sex, label, score, age = 0 }) => ({ sex, label, score, age })),
    );
    expect([...weighted[0]!]).toEqual(times(plain[0]!, 3));
    expect([...weighted[1]!]).toEqual(times(plain[1]!, 1));
    const both = plain[2]!.map((value, i) => 0.5 * value + 3 * plain[3]![i]!);
    expect([...weighted[2]!]).toEqual(times(both, 1));
  });

  it('are a unit’s own: without the others its vector is the same, bit for bit', async () => {
    const context: QueryContext = {
      ...wide,
      weights: bySex,
      training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.4, expectedBatch: 1 },
    };
    const all = await vectorsOf(context, people);
    for (const [index, person] of ['one', 'two', 'three'].entries()) {
      const [alone] = await vectorsOf(
        context,
        people.filter((row) => row.person === person),
      );
      expect(alone).toEqual(all[index]);
    }
  });

  it('outlive clipping: vectors longer than the bound are as long as their weights say, and none is longer than the bound', async () => {
    const context: QueryContext = {
      ...wide,
      weights: bySex,
      training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.03, expectedBatch: 1 },
    };
    const [one, two, three] = await vectorsOf(context, people);
    expect(normOf(one!)).toBeCloseTo(0.03, 10);
    expect(normOf(two!)).toBeCloseTo(0.01, 10);
    // Two rows of weights 0.5 and 3.
    expect(normOf(three!)).toBeCloseTo(0.03 * (1.75 / 3), 10);
  });

  it('go by label alone, or by group alone, and what both name is multiplied', async () => {
    const cells = [
      { label: 'yes', weight: 2 },
      { group: 'F', weight: 0.25 },
    ];
    const weighted = await vectorsOf({ ...wide, weights: weightsOf({ columns: ['sex'], cells }) }, people.slice(0, 2));
    const plain = await vectorsOf(wide, people.slice(0, 2));
    expect([...weighted[0]!]).toEqual(times(plain[0]!, 0.5));
    expect([...weighted[1]!]).toEqual(times(plain[1]!, 2));
    const classWeights = weightsOf({ cells: [{ label: 'no', weight: 7 }] });
    expect([...(await vectorsOf({ ...wide, weights: classWeights }, people.slice(0, 1)))[0]!]).toEqual(
      times(plain[0]!, 1),
    );
  });

  it('of 0 leave a row out; no units, no vectors', async () => {
    const none = weightsOf({ cells: [{ label: 'yes', weight: 0 }] });
    const [first] = await vectorsOf({ ...wide, weights: none }, people);
    expect(normOf(first!)).toBe(0);
    const empty = selectUnits(peopleBatch(people), []);
    expect(empty.units).toBe(0);
    expect(await vectorsOf({ ...wide, weights: bySex }, [])).toEqual([]);
  });
});

describe('problems of weights', () => {
  it.each([
    [{ columns: ['gender'], cells: [{ weight: 1 }] }, 'w.columns[0]', 'the schema has no column gender'],
    [{ columns: ['sex'], cells: [{ group: 'Q', weight: 1 }] }, 'w.cells[0].group', 'there is no group Q'],
    [{ cells: [{ label: 'maybe', weight: 1 }] }, 'w.cells[0].label', 'the target has no label maybe'],
    [
      {
        cells: [
          { label: 'yes', weight: 1 },
          { label: 'yes', weight: 2 },
        ],
      },
      'w.cells[1]',
      'the same rows are weighted twice',
    ],
  ])('%j', (weights, path, problem) => {
    expect(rowWeightProblems(peopleColumns, ['no', 'yes'], weightsOf(weights), 'w')).toMatchObject([{ path, problem }]);
  });

  it('are none where everything is there', () => {
    expect(rowWeightProblems(peopleColumns, ['no', 'yes'], bySex, 'w')).toEqual([]);
    expect(
      rowWeightProblems(peopleColumns, [], weightsOf({ cells: [{ label: 'yes', weight: 1 }] }), 'w')[0]!.cure,
    ).toBe('Weigh a number target by groups alone.');
  });
});
