import { describe, expect, it } from 'vitest';
import { parseDataSchema } from '../../plan/data-schema.ts';
import { inputColumns } from '../../plan/input-columns.ts';
import type { QueryContext } from '../query.ts';
import { asking, measured, unitsOf, valuesOf } from '../testing/measured.ts';
import { nothingMeasured } from '../testing/nothing-measured.ts';
import type { CertifiedFigures } from './certified.ts';
import { measureOf, measureSettingsSchema } from './measure-list.ts';

const columns = inputColumns(
  parseDataSchema({
    name: 'test',
    unitId: null,
    columns: [
      { kind: 'number', name: 'a', min: -9, max: 9, centre: 0, scale: 1 },
      { kind: 'category', name: 'c', values: ['x', 'y'] },
    ],
    target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
  }),
);
const base: QueryContext = {
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  inputs: 3,
  outputs: 1,
  target: 'binary',
  loss: 'binaryCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
  evaluation: null,
  expectedUpdates: null,
  clipBit: null,
  ...nothingMeasured,
  columns,
};
/** Logit a + 1000 y: noise on the category would drown everything. */
const weights = Float32Array.of(1, 0, 1_000, 0);
/** Distances 1.2, 0.6 and 0 of the boundary, one row far on the wrong side, and one held by its category. */
const rows = unitsOf([1.2, 1, 0, 0.6, 1, 0, 0, 1, 0, -3, 1, 0, -3, 0, 1], [1, 1, 1, 1, 1]);

describe('certified accuracy', () => {
  it('of a linear model falls a little before the distance to its boundary; categories are as they are', async () => {
    const context = asking(base, { kind: 'certified', sigma: 0.5, draws: 1_000, radii: [0.45, 1.1, 0.2] });
    const report = (await measured(context, weights, [rows])) as CertifiedFigures;
    expect(report.units).toBe(5);
    // The category holds one row at any distance: with 1,000 draws 1.23 can be certified.
    expect(valuesOf(report)).toEqual({
      'radius.0': 0.6,
      'radius.0.2': 0.6,
      'radius.0.45': 0.6,
      'radius.1.1': 0.2,
      abstained: 0.2,
      wrong: 0.2,
    });
    expect(report.points.map(({ radius }) => radius)).toEqual([0, 0.2, 0.45, 1.1]);
  });

  it('of clients is that of all rows together; a row is one cell', async () => {
    const settings = { kind: 'certified', sigma: 0.5, radii: [0.4] };
    const context = asking(base, settings);
    const clients = [unitsOf(rows.inputs.subarray(0, 6), [1, 1]), unitsOf(rows.inputs.subarray(6), [1, 1, 1])];
    expect(await measured(context, weights, clients)).toEqual(await measured(context, weights, [rows]));
    const parsed = measureSettingsSchema.parse(settings);
    expect(measureOf(parsed).normL2(context, parsed)).toBe(1);
    const broken = unitsOf([NaN, 1, 0, 2, 1, 0], [1, 1]);
    expect((await measured(context, weights, [broken])).units).toBe(1);
  });

  it('fails for no row whose noisy copies are no numbers: that would tell that it is there', async () => {
    // relu(a - 1) ten times as large as any float: infinite where a is above 1, and one infinity less another at the end.
    const deep = Array.from({ length: 9 }, () => ({ kind: 'dense', units: 2, activation: 'linear' }) as const);
    const context: QueryContext = {
      ...asking(base, { kind: 'certified', sigma: 0.5, radii: [0.2] }),
      topology: {
        layers: [
          { kind: 'dense', units: 2, activation: 'relu' },
          ...deep,
          { kind: 'dense', units: 1, activation: 'linear' },
        ],
      },
    };
    const first = [1, 1, 0, 0, 0, 0, -1, -1];
    const large = deep.flatMap(() => [3e38, 0, 0, 3e38, 0, 0]);
    const forged = Float32Array.of(...first, ...large, 1, -1, 1);
    const [far, near] = [
      [-8, 1, 0],
      [0.9, 1, 0],
    ];
    const found = await measured(context, forged, [unitsOf([...far!, ...near!], [1, 1])]);
    expect(found.units).toBe(2);
  });

  it('says at plan time what cannot be', () => {
    const problems = (change: Partial<QueryContext>, settings: object = {}) => {
      const parsed = measureSettingsSchema.parse({ kind: 'certified', sigma: 0.5, radii: [0.5], ...settings });
      return measureOf(parsed)
        .problems({ ...base, ...change }, parsed)
        .map(({ path, problem }) => `${path}: ${problem}`);
    };
    expect(problems({})).toEqual([]);
    expect(problems({ target: 'number' })).toEqual(['kind: a number target has no class to certify']);
    expect(problems({ columns: columns.filter(({ kind }) => kind === 'category') })[0]).toContain('no column');
    // Φ⁻¹(0.001^(1/200)) = 1.825, halved.
    expect(problems({}, { radii: [0.9, 0.92, 0.9] })).toEqual([
      'radii[1]: 200 draws with sigma 0.5 certify 0.913 at most, never 0.92',
      'radii[2]: 0.9 is listed twice',
    ]);
  });
});
