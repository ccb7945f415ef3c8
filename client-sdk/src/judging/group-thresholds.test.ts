import { thresholdFileSchema } from '@sotto/shared/queries';
import { describe, expect, it } from 'vitest';
import { linearModel } from '../testing/example-model.ts';
import { encodeRecords } from './encode-records.ts';
import { decideByGroup } from './group-thresholds.ts';

const fileOf = (groups: object[]) =>
  thresholdFileSchema.parse({
    kind: 'sotto-thresholds',
    version: 1,
    columns: ['pain'],
    criterion: 'equalizedOdds',
    groups,
  });
const file = fileOf([
  { group: 'some', thresholds: [{ atLeast: 0.7, chance: 1 }] },
  {
    group: 'much',
    thresholds: [
      { atLeast: 0, chance: 0.1 },
      { atLeast: 0.6, chance: 0.3 },
    ],
  },
]);

/** The logit is the age's, in tens of years above fifty. */
const model = linearModel('binary', [[1], [0], [0], [0], [0]], [0]);

async function decided(age: number, pain: string, seed = 'a') {
  const judged = await model;
  return decideByGroup(judged, encodeRecords(judged.schema, [{ age, income: 1, pain }]), file, seed);
}

describe('thresholds by group', () => {
  it('decide by the group that the row is in; a group without any at one half', async () => {
    // Sigmoid of 0.5 is 0.62, of 1 is 0.73.
    expect(await decided(55, 'some')).toEqual({ value: 'no', group: 'some', chance: 0 });
    expect(await decided(60, 'some')).toEqual({ value: 'yes', group: 'some', chance: 1 });
    expect(await decided(55, 'none')).toEqual({ value: 'yes', group: 'none', chance: 1 });
    expect(await decided(45, 'elsewhere')).toEqual({ value: 'no', group: 'other', chance: 0 });
    expect(await decided(45, 'much')).toMatchObject({ group: 'much', chance: 0.1 });
    expect((await decided(55, 'much')).chance).toBeCloseTo(0.4, 12);
  });

  it('draw the same for the same row, and as often as the chance says over rows and over seeds', async () => {
    expect(await decided(58, 'much')).toEqual(await decided(58, 'much'));
    const ages = Array.from({ length: 400 }, (_, i) => 55 + i / 20);
    const shareOf = async (seed: string) => {
      const all = await Promise.all(ages.map((age) => decided(age, 'much', seed)));
      return all.filter(({ value }) => value === 'yes').length / all.length;
    };
    const [one, other] = [await shareOf('one'), await shareOf('other')];
    expect(Math.abs(one - 0.4)).toBeLessThan(0.1);
    expect(Math.abs(other - 0.4)).toBeLessThan(0.1);
    expect(one).not.toBe(other);
  });

  it('are refused of groups that the schema has not, and for other targets', async () => {
    const judged = await model;
    const inputs = encodeRecords(judged.schema, [{ age: 50, income: 1, pain: 'none' }]);
    const unknown = fileOf([
      { group: 'F', thresholds: [] },
      { group: 'M', thresholds: [] },
    ]);
    expect(() => decideByGroup(judged, inputs, unknown, '')).toThrow('has no group F');
    const columns = thresholdFileSchema.parse({ ...file, columns: ['sex'] });
    expect(() => decideByGroup(judged, inputs, columns, '')).toThrow('the schema has no column sex');
    const other = { ...file, modelHash: 'ab'.repeat(32) };
    expect(() => decideByGroup(judged, inputs, other, '')).toThrow('thresholds: of model abababababab, this one is');
    expect(decideByGroup(judged, inputs, { ...file, modelHash: judged.modelHash }, '').group).toBe('none');
    const number = await linearModel('number', [[1], [0], [0], [0], [0]], [0]);
    expect(() => decideByGroup(number, inputs, file, '')).toThrow('of a binary target, the model predicts number');
  });

  it('cannot add up to more than certainty', () => {
    const parsed = thresholdFileSchema.safeParse({
      ...file,
      groups: [
        ...file.groups,
        {
          group: 'none',
          thresholds: [
            { atLeast: 0, chance: 0.6 },
            { atLeast: 0.5, chance: 0.6 },
          ],
        },
      ],
    });
    expect(parsed.success).toBe(false);
  });
});
