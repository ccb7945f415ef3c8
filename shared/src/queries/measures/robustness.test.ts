import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fastGradient, projectedGradient } from '../../judging/index.ts';
import { accuracyOf } from '../../metrics/index.ts';
import { referenceModel, type InputColumn } from '../../model/index.ts';
import { parseDataSchema } from '../../plan/data-schema.ts';
import { inputColumns } from '../../plan/input-columns.ts';
import type { QueryContext } from '../query.ts';
import { asking, measured, unitsOf, valuesOf } from '../testing/measured.ts';
import { nothingMeasured } from '../testing/nothing-measured.ts';
import { measureOf, measureSettingsSchema } from './measure-list.ts';
import type { RobustnessFigures } from './robustness.ts';

const number = (name: string, min = 0, max = 1) => ({ kind: 'number', name, min, max, centre: 0, scale: 1 });

function columnsOf(columns: readonly object[]): readonly InputColumn[] {
  return inputColumns(
    parseDataSchema({
      name: 'test',
      unitId: null,
      columns,
      target: { kind: 'binary', column: 'y', positive: '1', negative: '0' },
    }),
  );
}

const base: QueryContext = {
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  inputs: 4,
  outputs: 1,
  target: 'binary',
  loss: 'binaryCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
  evaluation: null,
  expectedUpdates: null,
  clipBit: null,
  ...nothingMeasured,
  // Two numbers and a category of two values.
  columns: columnsOf([number('a'), number('b'), { kind: 'category', name: 'c', values: ['x', 'y'] }]),
};
/** Logit 2a + 100y - 1: the category weighs most, and no attack may touch it. */
const weights = Float32Array.of(2, 0, 0, 100, -1);

/** Distances of a to the boundary 1/2: 0.1, 0.3 and 0.5; one row is wrong as it is; the last is held by its category. */
const rows = unitsOf([0.6, 0, 1, 0, 0.2, 1, 1, 0, 1, 0, 1, 0, 0.9, 0, 1, 0, 0.1, 0, 0, 1], [1, 0, 1, 0, 1]);

describe('robustness', () => {
  it('of a linear model is its distance to the boundary, and never goes through a category', async () => {
    const context = asking(base, { kind: 'robustness', epsilons: [0.4, 0.2, 0.05] });
    const report = (await measured(context, weights, [rows])) as RobustnessFigures;
    expect(report.units).toBe(5);
    expect(report.epsilons).toEqual([0.05, 0.2, 0.4]);
    const values = valuesOf(report);
    expect(values['clean']).toBe(0.8);
    for (const attack of ['fgsm', 'pgd', 'worst']) {
      expect([0.05, 0.2, 0.4].map((epsilon) => values[`linf.${epsilon}.${attack}`])).toEqual([0.8, 0.6, 0.4]);
    }
    // The whole range: what is left is the row that its category holds.
    const wide = asking(base, { kind: 'robustness', epsilons: [1], attacks: [{ kind: 'fgsm' }] });
    expect(valuesOf(await measured(wide, weights, [rows]))).toEqual({
      clean: 0.8,
      'linf.1.fgsm': 0.2,
      'linf.1.worst': 0.2,
    });
  });

  it('stays within the public ranges: what would have to leave them is not broken', async () => {
    // Logit 2a + 2b - 0.5: a row at b = 0 cannot go below it, so a alone must come from 0.6 to 0.25.
    const context = asking(base, { kind: 'robustness', epsilons: [0.3, 0.36] });
    const values = valuesOf(await measured(context, Float32Array.of(2, 2, 0, 0, -0.5), [unitsOf([0.6, 0, 1, 0], [1])]));
    expect([values['linf.0.3.worst'], values['linf.0.36.worst']]).toEqual([1, 0]);
  });

  it('of clients is that of all rows together, exactly; a unit’s vector has the stated bound', async () => {
    const settings = { kind: 'robustness', norm: 'l2', epsilons: [0.05, 0.2, 0.4] };
    const context = asking(base, settings);
    const several = await measured(context, weights, [
      unitsOf(rows.inputs.subarray(0, 8), rows.targets.subarray(0, 2)),
      unitsOf(rows.inputs.subarray(8), rows.targets.subarray(2)),
    ]);
    expect(several).toEqual(await measured(context, weights, [rows]));
    const parsed = measureSettingsSchema.parse(settings);
    const measure = measureOf(parsed);
    expect(measure.normL2(context, parsed)).toBe(Math.sqrt(3));
    const model = referenceModel(context.topology, 4, context.loss);
    await model.setWeights(weights);
    const norms: number[] = [];
    await measure.contribute(
      {
        context,
        batch: rows,
        outputs: new Float32Array(5),
        differentiable: async () => model,
        seed: new Uint8Array(32),
      },
      parsed,
      (_, vector) => norms.push(Math.hypot(...vector)),
    );
    expect(norms.map((norm) => Math.round(norm ** 2))).toEqual([3, 3, 3, 1, 3]);
  });

  it('has noise in its interval, and is withheld where the noise drowns it', async () => {
    const context = asking(base, { kind: 'robustness', epsilons: [0.2] });
    const many = unitsOf(
      Array.from({ length: 300 }, () => [...rows.inputs]).flat(),
      Array.from({ length: 300 }, () => [...rows.targets]).flat(),
    );
    const quiet = (await measured(context, weights, [many])) as RobustnessFigures;
    const noisy = (await measured(context, weights, [many], 1e8)) as RobustnessFigures;
    expect(noisy.clean.figure!.noiseHalfWidth).toBeGreaterThan(0);
    expect(noisy.clean.figure!.high).toBeGreaterThan(quiet.clean.figure!.high);
    const drowned = await measured(context, weights, [rows], 1e8);
    expect(drowned.figures.every(({ withheld }) => withheld !== null)).toBe(true);
  });

  it('takes rows by a coin of their own, and a row that is no number as none', async () => {
    const inputs = Array.from({ length: 2_000 }, () => [1, 0, 1, 0]).flat();
    const context = asking(base, { kind: 'robustness', epsilons: [0.1], sample: 0.25 });
    const { units, figures } = await measured(context, weights, [unitsOf(inputs, new Float32Array(2_000).fill(1))]);
    // Binomial(2000, 1/4): deviation 19; five of them.
    expect(Math.abs(units - 500)).toBeLessThan(97);
    expect(figures.every(({ figure }) => figure?.value === 1)).toBe(true);
    const broken = unitsOf([NaN, 0, 1, 0, 1, 0, 1, 0], [1, 1]);
    expect((await measured(asking(base, { kind: 'robustness', epsilons: [0.1] }), weights, [broken])).units).toBe(1);
  });

  it('says at plan time what cannot be', () => {
    const problems = (change: Partial<QueryContext>, settings: object = {}) => {
      const parsed = measureSettingsSchema.parse({ kind: 'robustness', epsilons: [0.1], ...settings });
      return measureOf(parsed)
        .problems({ ...base, ...change }, parsed)
        .map(({ path, problem }) => `${path}: ${problem}`);
    };
    expect(problems({})).toEqual([]);
    expect(problems({ target: 'number' })).toEqual([expect.stringContaining('kind: a number target')]);
    const embedding = { kind: 'embedding', vocabulary: 9, units: 2 } as const;
    expect(problems({ topology: { layers: [embedding, ...base.topology.layers] } })).toEqual([
      expect.stringContaining('has no gradient by its inputs'),
    ]);
    const columns = columnsOf([{ kind: 'category', name: 'c', values: ['x', 'y'] }]);
    expect(problems({ columns })).toEqual([expect.stringContaining('no column is a number or a picture')]);
    expect(problems({}, { epsilons: [1, 1.1] })).toEqual([
      expect.stringContaining('epsilons[1]: 1.1 is beyond the range of every input'),
    ]);
    expect(problems({}, { norm: 'l2', epsilons: [1.4, 1.5] })).toEqual([expect.stringContaining('epsilons[1]: 1.5')]);
    expect(problems({}, { epsilons: [0.1, 0.1], attacks: [{ kind: 'fgsm' }, { kind: 'fgsm' }] })).toEqual([
      'epsilons[1]: 0.1 is listed twice',
      'attacks[1]: fgsm is listed twice',
    ]);
  });
});

const folder = process.env['SOTTO_SHARED'];

describe.skipIf(folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all')(
  'robustness of the golden model (SOTTO_SHARED/golden/trust/models.json, adversarial.json)',
  () => {
    type Layer = { kernel: number[][]; bias: number[] };
    let digits: QueryContext;
    let golden: Float32Array;
    let inputs: number[];
    let targets: number[];

    beforeAll(() => {
      if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
      const models = JSON.parse(readFileSync(join(folder, 'golden/trust/models.json'), 'utf8')) as {
        modelB: { layers: Layer[] };
        dataB: { xTest: number[][]; yTest: number[] };
      };
      golden = Float32Array.from(models.modelB.layers.flatMap(({ kernel, bias }) => [...kernel.flat(), ...bias]));
      inputs = models.dataB.xTest.flat();
      targets = models.dataB.yTest;
      digits = {
        ...base,
        topology: {
          layers: [
            { kind: 'dense', units: 32, activation: 'relu' },
            { kind: 'dense', units: 10, activation: 'linear' },
          ],
        },
        inputs: 64,
        outputs: 10,
        target: 'classes',
        loss: 'categoricalCrossEntropy',
        columns: columnsOf(Array.from({ length: 64 }, (_, pixel) => number(`p${pixel}`))),
      };
    });
    const clients = () =>
      [0, 30, 70, 100].slice(1).map((end, index) => {
        const first = [0, 30, 70][index]!;
        return unitsOf(inputs.slice(first * 64, end * 64), targets.slice(first, end));
      });

    it('FGSM at ε = 0.3 leaves 0.00 of three clients’ rows, measured through the door', async () => {
      const context = asking(digits, { kind: 'robustness', epsilons: [0.3], attacks: [{ kind: 'fgsm' }] });
      const values = valuesOf(await measured(context, golden, clients()));
      expect(values['clean']).toBeGreaterThan(0.9);
      expect(values['linf.0.3.fgsm']).toBe(0);
    });

    it('is the pooled one: one size is the attack alone, the worst of both is below each, and curves fall', async () => {
      const limits = { norm: 'linf', epsilon: 0.1, range: { low: 0, high: 1 } } as const;
      const model = referenceModel(digits.topology, 64, digits.loss);
      await model.setWeights(golden);
      const rows = Float64Array.from(Float32Array.from(inputs));
      const left = {
        fgsm: fastGradient(model, digits.loss, rows, targets, limits),
        pgd: projectedGradient(model, digits.loss, rows, targets, { ...limits, steps: 10, stepSize: 0.025 }),
      };
      const one = valuesOf(await measured(asking(digits, { kind: 'robustness', epsilons: [0.1] }), golden, clients()));
      for (const attack of ['fgsm', 'pgd'] as const) {
        const pooled = accuracyOf(model.logits(left[attack], 100), targets, 10);
        expect(one[`linf.0.1.${attack}`]).toBe(pooled);
        expect(one['linf.0.1.worst']).toBeLessThanOrEqual(pooled);
      }
      const context = asking(digits, { kind: 'robustness', epsilons: [0.05, 0.1, 0.2] });
      const { curves } = (await measured(context, golden, clients())) as RobustnessFigures;
      for (const { points } of curves) {
        const found = points.map(({ figure }) => figure!.value);
        expect(found).toEqual([...found].sort((a, b) => b - a));
      }
    });
  },
);
