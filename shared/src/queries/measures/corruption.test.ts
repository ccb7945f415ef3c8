import { describe, expect, it } from 'vitest';
import { parseDataSchema } from '../../plan/data-schema.ts';
import { inputColumns } from '../../plan/input-columns.ts';
import type { QueryContext } from '../query.ts';
import { asking, measured, unitsOf, valuesOf } from '../testing/measured.ts';
import { nothingMeasured } from '../testing/nothing-measured.ts';
import { measureOf, measureSettingsSchema } from './measure-list.ts';

const schema = (columns: readonly object[]) =>
  parseDataSchema({
    name: 'test',
    unitId: null,
    columns,
    target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
  });
const age = { kind: 'number', name: 'age', min: 0, max: 4, centre: 0, scale: 1 };
const pain = { kind: 'category', name: 'pain', values: ['none', 'much'], other: 'zeros' };
const picture = { kind: 'pixels', name: 'picture', width: 3, height: 1, channels: 1, centre: 0, scale: 255 };

function contextOf(columns: readonly object[]): QueryContext {
  const encoded = inputColumns(schema(columns));
  return {
    topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
    inputs: encoded.at(-1)!.to,
    outputs: 1,
    target: 'binary',
    loss: 'binaryCrossEntropy',
    unit: 'record',
    training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
    evaluation: null,
    expectedUpdates: null,
    clipBit: null,
    ...nothingMeasured,
    columns: encoded,
  };
}

/** Logit age + 2 much - 1.5. */
const weights = Float32Array.of(1, 0, 2, -1.5);
const rows = unitsOf([2, 1, 0, 1, 0, 1, 4, 1, 0, 0, 1, 0], [1, 1, 1, 0]);

describe('corruption', () => {
  it('is the accuracy on rows as another device would have given them', async () => {
    const context = asking(contextOf([age, pain]), {
      kind: 'corruption',
      missing: [1],
      scale: [0.5, 1, 0],
      shift: [-2, 1],
    });
    const report = await measured(context, weights, [rows]);
    expect(report.units).toBe(4);
    expect(valuesOf(report)).toEqual({
      clean: 1,
      'missing.1': 0.25,
      // Of 1, 0.5, 2 and 0 with the category 1, 2.5, 2 and 0.
      'scale.0.5': 0.75,
      'scale.1': 1,
      'scale.0': 0.5,
      // Nothing falls below 0, where the range ends: 0, 0 with the category, 2, 0.
      'shift.-2': 0.75,
      'shift.1': 1,
    });
  });

  it('of clients is that of all rows together, exactly; each row’s vector has the stated length', async () => {
    const settings = { kind: 'corruption', scale: [0.5, 2], shift: [1] };
    const context = asking(contextOf([age, pain]), settings);
    const halves = [
      unitsOf(rows.inputs.subarray(0, 6), [1, 1]),
      unitsOf(rows.inputs.subarray(6), rows.targets.subarray(2)),
    ];
    expect(await measured(context, weights, halves)).toEqual(await measured(context, weights, [rows]));
    const parsed = measureSettingsSchema.parse(settings);
    expect(measureOf(parsed).normL2(context, parsed)).toBe(2);
  });

  it('draws noise for each row anew, within the range', async () => {
    const many = unitsOf(
      Array.from({ length: 4_000 }, () => [2, 1, 0]).flat(),
      Array.from({ length: 4_000 }, () => 1),
    );
    const context = asking(contextOf([age, pain]), { kind: 'corruption', noise: [0.5], missing: [0.3] });
    const { 'noise.0.5': noise, 'missing.0.3': missing } = valuesOf(await measured(context, weights, [many]));
    // Φ(1) stay above the boundary, a standard deviation away; 0.3 of the ages are missing. Five deviations of 4,000 draws.
    expect(Math.abs(noise! - 0.8413)).toBeLessThan(5 * Math.sqrt((0.84 * 0.16) / 4_000));
    expect(Math.abs(missing! - 0.7)).toBeLessThan(5 * Math.sqrt(0.21 / 4_000));
  });

  it('blurs pictures alone, and they are never missing', async () => {
    const context = asking(contextOf([picture, age]), { kind: 'corruption', blur: [1], missing: [1] });
    // Logit 3 · middle pixel - age - 0.6: the middle of 0, 1, 0 becomes 1/3.
    const values = valuesOf(
      await measured(context, Float32Array.of(0, 3, 0, -1, -0.6), [unitsOf([0, 1, 0, 1, 1, 1, 1, 1], [1, 1])]),
    );
    expect(values).toEqual({ clean: 1, 'blur.1': 0.5, 'missing.1': 1 });
  });

  it('says at plan time what cannot be', () => {
    const problems = (columns: readonly object[], settings: object, change: Partial<QueryContext> = {}) => {
      const parsed = measureSettingsSchema.parse({ kind: 'corruption', ...settings });
      return measureOf(parsed)
        .problems({ ...contextOf(columns), ...change }, parsed)
        .map(({ path, problem }) => `${path}: ${problem}`);
    };
    expect(problems([age, pain], { noise: [0.1], missing: [0.1] })).toEqual([]);
    expect(problems([age], {})).toEqual(['kind: no severity is given']);
    expect(problems([age], { noise: [0.1] }, { target: 'number' })[0]).toContain('kind: a number target');
    expect(problems([age], { blur: [1] })).toEqual(['blur: no column is a picture']);
    expect(problems([picture], { missing: [0.5] })[0]).toContain('missing: every column is a picture');
    expect(problems([pain], { scale: [2], shift: [1, 1] })).toEqual([
      'scale: no column is a number or a picture',
      'shift: no column is a number or a picture',
      'shift[1]: 1 is listed twice',
    ]);
    const topology = { layers: [{ kind: 'embedding', vocabulary: 9, units: 2 }] } as const;
    expect(problems([age], { noise: [0.1] }, { topology: { layers: [...topology.layers] } })[0]).toContain('tokens');
  });
});
