import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocalModel, UnitBatch } from '../../model/index.ts';
import { encodeUnit, gridFor, type PartSpec } from '../../privacy/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { contributeSession } from '../contribute-session.ts';
import type { QueryContext } from '../query.ts';
import { nothingMeasured } from '../testing/nothing-measured.ts';
import { measureSettingsSchema, type MeasureSettingsOf } from './measure-list.ts';
import { concludeMeasures, measuresQuery } from './measures-query.ts';
import type { PerformanceFigures } from './performance.ts';

const report = measuresQuery('report');

function contextOf(
  target: QueryContext['target'],
  measures: readonly object[],
  unit: QueryContext['unit'] = 'record',
): QueryContext {
  const outputs = target === 'classes' ? 3 : 1;
  return {
    topology: { layers: [{ kind: 'dense', units: outputs, activation: 'linear' }] },
    inputs: outputs,
    outputs,
    target,
    loss: 'binaryCrossEntropy',
    unit,
    training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
    evaluation: null,
    expectedUpdates: null,
    clipBit: null,
    ...nothingMeasured,
    measures: {
      survey: [],
      trainReport: [],
      report: measures.map((one): MeasureSettingsOf => measureSettingsSchema.parse(one)),
    },
  };
}

function partOf(context: QueryContext): PartSpec {
  const dimension = layoutLength(report.layout(context));
  return {
    slot: 'report',
    query: 'report',
    dataPart: 'test',
    dimension,
    clipNormL2: 1,
    ...gridFor(1, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: 2 ** 32,
  };
}

/** A model whose outputs are its inputs, so that tests choose the outputs. */
const identity: LocalModel = {
  setWeights: async () => {},
  predict: async (inputs) => inputs,
  traces: async () => [],
  train: async () => new Float32Array(),
  dispose: async () => {},
};

/** Units of one to three rows with outputs and targets as a binary or a number target has them. */
function batchOf(seed: string, units: number, target: 'binary' | 'number'): UnitBatch {
  const random = createSeededRandom(seed);
  const number = () => new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
  const sizes = Array.from({ length: units }, () => 1 + Math.floor(3 * number()));
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const rowOffsets = new Uint32Array(units + 1);
  sizes.forEach((size, unit) => (rowOffsets[unit + 1] = rowOffsets[unit]! + size));
  return {
    units,
    rowOffsets,
    rows,
    inputs: Float32Array.from({ length: rows }, () => (target === 'binary' ? number() : 8 * number() - 4)),
    features: 1,
    targets: Float32Array.from({ length: rows }, () =>
      target === 'binary' ? Math.floor(2 * number()) : 8 * number() - 4,
    ),
  };
}

/** Single rows as units. */
function rowsOf(outputs: readonly number[], targets: readonly number[]): UnitBatch {
  return {
    units: outputs.length,
    rowOffsets: Uint32Array.from({ length: outputs.length + 1 }, (_, row) => row),
    rows: outputs.length,
    inputs: Float32Array.from(outputs),
    features: 1,
    targets: Float32Array.from(targets),
  };
}

async function sumOf(context: QueryContext, batches: readonly UnitBatch[]): Promise<Int32Array> {
  const part = partOf(context);
  const sum = new Int32Array(part.dimension);
  for (const [index, batch] of batches.entries()) {
    const given = await contributeSession({
      context,
      parts: [part],
      unitsOf: () => batch,
      model: identity,
      weights: new Float32Array(2),
      random: createSeededRandom(`client ${index}`),
      allowInsecureRandom: true,
    });
    given.forEach((value, at) => (sum[at]! += value));
  }
  return sum;
}

const named = (figures: PerformanceFigures, name: string) => figures.figures.find((one) => one.name === name);

async function performanceOf(
  context: QueryContext,
  batches: readonly UnitBatch[],
  variance = 0,
): Promise<PerformanceFigures> {
  const [only] = concludeMeasures(partOf(context), await sumOf(context, batches), context, variance);
  return only!.report as PerformanceFigures;
}

describe('a list of measures', () => {
  it('gives each unit a vector of norm 1 at most, whatever is asked and whatever the model says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<'binary' | 'number'>('binary', 'number'),
        fc.constantFrom<QueryContext['unit']>('record', 'client'),
        fc.nat(),
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        async (target, unit, seed, share) => {
          const context = contextOf(target, [{ kind: 'performance', share, bins: 4, lossMax: 1 }], unit);
          const batch = batchOf(`${seed}`, 12, target);
          let vectors = 0;
          await report.contribute(
            {
              context,
              batch,
              model: identity,
              weights: new Float32Array(2),
              clipNormL2: null,
              seed: new Uint8Array(32),
            },
            (vector) => {
              vectors += 1;
              expect(Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))).toBeLessThanOrEqual(1);
            },
          );
          expect(vectors).toBe(unit === 'client' ? 1 : batch.units);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('without noise gives the pooled counts, exactly', async () => {
    const context = contextOf('binary', [{ kind: 'performance', bins: 10 }]);
    const clients = [
      rowsOf([0.9, 0.2, 0.6, 0.1], [1, 0, 0, 1]),
      rowsOf([0.8, 0.7], [1, 1]),
      rowsOf([0.05, 0.95, 0.45], [0, 1, 1]),
    ];
    const pooled = rowsOf(
      clients.flatMap(({ inputs }) => [...inputs]),
      clients.flatMap(({ targets }) => [...targets]),
    );
    const figures = await performanceOf(context, clients);
    expect(figures).toEqual(await performanceOf(context, [pooled]));
    expect(figures.confusion).toEqual([2, 1, 2, 4]);
    expect(figures.units).toBe(9);
    expect(figures.histogram!.positives.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(named(figures, 'accuracy')!.figure!.value).toBeCloseTo(6 / 9, 12);
    // 15 of 18 pairs stand right, but 0.7 and 0.6 share a bin: as float32 the former is just below it.
    expect(named(figures, 'auroc')!.figure!.value).toBeCloseTo(14.5 / 18, 12);
  });

  it('of a number: errors and the share of variance explained', async () => {
    const context = contextOf('number', [{ kind: 'performance', lossMax: 4 }]);
    const outputs = [1, 2, 3, 0.5, -1];
    const targets = [1.5, 2, 2, 0, -2];
    const figures = await performanceOf(context, [rowsOf(outputs, targets)]);
    const errors = outputs.map((output, row) => output - targets[row]!);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const squared = mean(errors.map((error) => error ** 2));
    const variance = mean(targets.map((target) => (target - mean(targets)) ** 2));
    // So few coordinates make a coarse grid: each row loses up to a step of about a thousandth.
    const near = (name: string, expected: number) =>
      expect(Math.abs(named(figures, name)!.figure!.value - expected)).toBeLessThan(0.01);
    near('meanAbsoluteError', mean(errors.map(Math.abs)));
    near('rootMeanSquaredError', Math.sqrt(squared));
    near('determination', 1 - squared / variance);
  });

  it('counts a unit as none when a score is no number, and tells nobody', async () => {
    const context = contextOf('binary', [{ kind: 'performance' }]);
    const figures = await performanceOf(context, [rowsOf([NaN, 0.9, 2], [1, 1, 0])]);
    expect(figures.units).toBe(1);
  });

  it('withholds what its noise drowns, with the reason; scores of one class or one value leave no figure', async () => {
    const context = contextOf('binary', [{ kind: 'performance' }]);
    const part = partOf(context);
    const few = await performanceOf(context, [rowsOf([0.9, 0.2], [1, 0])], (5 * part.normBoundSteps) ** 2);
    expect(named(few, 'accuracy')).toEqual({
      name: 'accuracy',
      figure: null,
      withheld: 'too few units beside the noise',
    });
    const oneClass = await performanceOf(context, [rowsOf([0.9, 0.8], [1, 1])]);
    expect(named(oneClass, 'auroc')!.figure).toBeNull();
    expect(named(oneClass, 'accuracy')!.figure!.value).toBe(1);
    const constant = await performanceOf(context, [rowsOf([0.7, 0.7, 0.7], [1, 0, 1])]);
    expect(named(constant, 'auroc')!.figure!.value).toBe(0.5);
  });

  it('is encoded on a grid on which a one is a whole number of steps, whatever its share', () => {
    const context = contextOf('binary', [{ kind: 'performance', bins: 1_000 }]);
    const part = partOf(context);
    const vector = new Float64Array(part.dimension);
    vector[0] = 0.7559289460184544 * (1 - 2 ** -30);
    const target = new Int32Array(part.dimension);
    encodeUnit(vector, part, target, 0);
    expect(target[0]).toBe(Math.trunc(vector[0] / part.gridStep));
  });
});
