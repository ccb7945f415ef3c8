import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocalModel, UnitBatch } from '../model/index.ts';
import { gridFor, type PartSpec } from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { layoutLength } from '../vector/index.ts';
import { concludeEvaluation } from './conclude-evaluation.ts';
import { concludeTraining } from './conclude-training.ts';
import { contributeSession } from './contribute-session.ts';
import { evaluation } from './evaluation.ts';
import type { QueryContext } from './query.ts';
import { splitParts } from './split-parts.ts';
import { nothingMeasured } from './testing/nothing-measured.ts';

const classes: QueryContext = {
  topology: { layers: [{ kind: 'dense', units: 3, activation: 'linear' }] },
  inputs: 3,
  outputs: 3,
  target: 'classes',
  loss: 'categoricalCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
  evaluation: { detail: 'accuracy', lossMax: 2 },
  expectedUpdates: null,
  clipBit: null,
  ...nothingMeasured,
};
const confusion: QueryContext = { ...classes, evaluation: { detail: 'confusion', lossMax: 2 } };
const binary: QueryContext = { ...classes, outputs: 1, target: 'binary', loss: 'binaryCrossEntropy' };
const regression: QueryContext = { ...classes, outputs: 1, target: 'number', loss: 'meanSquaredError' };

/** A model whose outputs are its inputs, so that tests choose the outputs. */
const identity: LocalModel = {
  setWeights: async () => {},
  predict: async (inputs) => inputs,
  traces: async () => [],
  train: async () => new Float32Array(),
  dispose: async () => {},
};

/** Units given as lists of rows, each row [outputs, target]. */
function batchOf(units: readonly (readonly (readonly [readonly number[], number])[])[]): UnitBatch {
  const rows = units.flat();
  const rowOffsets = new Uint32Array(units.length + 1);
  units.forEach((unit, index) => (rowOffsets[index + 1] = rowOffsets[index]! + unit.length));
  return {
    units: units.length,
    rowOffsets,
    rows: rows.length,
    inputs: Float32Array.from(rows.flatMap(([outputs]) => outputs)),
    features: rows[0]?.[0].length ?? 1,
    targets: Float32Array.from(rows, ([, target]) => target),
  };
}

async function vectorsOf(context: QueryContext, batch: UnitBatch): Promise<number[][]> {
  const vectors: number[][] = [];
  const input = {
    context,
    batch,
    model: identity,
    weights: new Float32Array(),
    clipNormL2: null,
    seed: new Uint8Array(32),
  };
  await evaluation.contribute(input, (vector) => vectors.push([...vector]));
  return vectors;
}

function partOf(context: QueryContext): PartSpec {
  const dimension = layoutLength(evaluation.layout(context));
  return {
    slot: 'evaluation',
    query: 'evaluation',
    dataPart: 'validation',
    dimension,
    clipNormL2: Math.SQRT2,
    ...gridFor(Math.SQRT2, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: 2 ** 32,
  };
}

async function released(context: QueryContext, batch: UnitBatch): Promise<Int32Array> {
  return contributeSession({
    context,
    parts: [partOf(context)],
    unitsOf: () => batch,
    model: identity,
    weights: new Float32Array(),
    random: createSeededRandom('evaluation'),
    allowInsecureRandom: true,
  });
}

describe('the vector', () => {
  it('counts right and wrong, and the clipped loss', async () => {
    const [right, wrong, certain] = await vectorsOf(
      classes,
      batchOf([[[[0.5, 0.25, 0.25], 0]], [[[0.5, 0.25, 0.25], 2]], [[[1, 0, 0], 1]]]),
    );
    expect(right).toEqual([1, 0, expect.closeTo(Math.log(2) / 2, 6)]);
    expect(wrong).toEqual([0, 1, expect.closeTo(Math.log(4) / 2, 6)]);
    // The loss is infinite and clipped.
    expect(certain).toEqual([0, 1, 1]);
  });

  it('fills one cell of the confusion matrix', async () => {
    const [vector] = await vectorsOf(confusion, batchOf([[[[0.1, 0.2, 0.7], 1]]]));
    expect(vector!.slice(0, 9)).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('of a binary target asks whether the probability is above one half', async () => {
    const vectors = await vectorsOf(binary, batchOf([[[[0.7], 1]], [[[0.7], 0]], [[[0.2], 0]]]));
    expect(vectors.map((vector) => vector.slice(0, 2))).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
    expect(vectors[1]![2]).toBeCloseTo(-Math.log(0.3) / 2, 6);
  });

  it('of a number counts one and the squared error', async () => {
    expect(await vectorsOf(regression, batchOf([[[[1.5], 1]], [[[9], 0]]]))).toEqual([
      [1, 0.125],
      [1, 1],
    ]);
  });

  it('of several rows is their mean, of a client the mean of its units', async () => {
    const batch = batchOf([
      [
        [[0.9, 0.1, 0], 0],
        [[0.9, 0.1, 0], 1],
      ],
      [[[0, 0, 1], 2]],
    ]);
    expect((await vectorsOf(classes, batch))[0]!.slice(0, 2)).toEqual([0.5, 0.5]);
    const client = await vectorsOf({ ...classes, unit: 'client' }, batch);
    expect(client).toHaveLength(1);
    expect(client[0]!.slice(0, 2)).toEqual([0.75, 0.25]);
  });

  it('never passes √2 and never has a negative coordinate', async () => {
    const row = fc.tuple(
      fc.tuple(...Array.from({ length: 3 }, () => fc.float({ min: 0, max: 1, noNaN: true }))),
      fc.nat(2),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(row, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(classes, confusion, { ...classes, unit: 'client' as const }),
        async (units, context) => {
          for (const vector of await vectorsOf(context, batchOf(units))) {
            expect(Math.hypot(...vector)).toBeLessThanOrEqual(Math.SQRT2 + 1e-12);
            expect(Math.min(...vector)).toBeGreaterThanOrEqual(0);
          }
        },
      ),
    );
  });
});

describe('the figures', () => {
  const sure = [0.97, 0.02, 0.01] as const;
  const batch = batchOf(Array.from({ length: 200 }, (_, index) => [[sure, index % 10 === 0 ? 1 : 0] as const]));

  it('without noise are the counts themselves', async () => {
    const { units, accuracy, loss, withheld } = concludeEvaluation(
      partOf(classes),
      await released(classes, batch),
      classes,
      0,
    );
    expect(withheld).toBeNull();
    // A row with the largest loss has norm √2 and is clipped to D whole steps, a thousandth below it at most.
    expect(units).toBeCloseTo(200, 1);
    expect(accuracy!.value).toBeCloseTo(0.9, 3);
    expect(accuracy!.noiseHalfWidth).toBe(0);
    expect(accuracy!.low).toBeLessThan(0.9);
    expect(accuracy!.high).toBeGreaterThan(0.9);
    // A tenth of the rows has loss -ln .02, clipped to 2.
    expect(loss!.value).toBeCloseTo(0.9 * -Math.log(0.97) + 0.1 * 2, 2);
  });

  it('of a confusion matrix agree with it', async () => {
    const release = concludeEvaluation(partOf(confusion), await released(confusion, batch), confusion, 0);
    expect([...release.confusion!]).toEqual([180, 0, 0, 20, 0, 0, 0, 0, 0]);
    expect(release.accuracy!.value).toBe(0.9);
  });

  it('of a number have no accuracy', async () => {
    const numbers = batchOf(Array.from({ length: 40 }, () => [[[1.5], 1] as const]));
    const release = concludeEvaluation(partOf(regression), await released(regression, numbers), regression, 0);
    expect(release).toMatchObject({ units: 40, accuracy: null, withheld: null });
    expect(release.loss!.value).toBeCloseTo(0.25, 3);
  });

  it('have intervals that hold the truth about 95 times in a hundred under noise', async () => {
    const part = partOf(classes);
    const exact = await released(classes, batch);
    const noiseStd = 4 * 1_254;
    let state = 1;
    const uniform = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    let held = 0;
    const repeats = 1_000;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const noisy = exact.map((value) => value + Math.round(noiseStd * normal()));
      const { accuracy } = concludeEvaluation(part, noisy, classes, noiseStd ** 2);
      // The rows are fixed, so only the noise's part of the interval is at work.
      if (Math.abs(accuracy!.value - 0.9) <= accuracy!.noiseHalfWidth) held += 1;
    }
    expect(held / repeats).toBeGreaterThan(0.92);
    expect(held / repeats).toBeLessThan(0.985);
  });

  it('are withheld where noise drowns them, and say why', async () => {
    const few = batchOf(Array.from({ length: 16 }, () => [[sure, 0] as const]));
    const integers = await released(classes, few);
    // σ 3.73 on 16 units: soundness.md §4 gives ± 23 points for it.
    const drowned = concludeEvaluation(partOf(classes), integers, classes, (3.73 * 1_254) ** 2);
    expect(drowned).toMatchObject({ accuracy: null, loss: null });
    expect(drowned.withheld).toMatch(/noise alone is ±\d+ points on about 16 units/);
    const nothing = concludeEvaluation(partOf(classes), new Int32Array(3), classes, (3.73 * 1_254) ** 2);
    expect(nothing.withheld).toMatch(/about 0 units against noise of ±/);
    const empty = concludeEvaluation(partOf(classes), new Int32Array(3), classes, 0);
    expect(empty).toMatchObject({ units: 0, accuracy: null, loss: null });
    expect(empty.withheld).not.toBeNull();
  });

  it('of another part or length are refused', () => {
    expect(() => concludeEvaluation(partOf(classes), new Int32Array(4), classes, 0)).toThrow(/3 coordinates, got 4/);
    expect(() => splitParts([partOf(classes)], new Int32Array(4))).toThrow(/3 coordinates, the sum has 4/);
  });
});

describe('a training release', () => {
  const part: PartSpec = { ...partOf(classes), slot: 'training', query: 'gradient', dimension: 2, gridStep: 0.5 };

  it('of gradients is divided by the public batch, whoever survived', () => {
    for (const survivors of [3, 9]) {
      expect([...concludeTraining(part, Int32Array.of(100, -50), classes, survivors)]).toEqual([1, -0.5]);
    }
  });

  it('of updates is divided by the survivors', () => {
    const context: QueryContext = {
      ...classes,
      unit: 'client',
      training: { kind: 'update', clipNormL2: 1, localEpochs: 1, batchSize: 8, learningRate: 1, proximal: 0 },
    };
    expect([...concludeTraining({ ...part, query: 'update' }, Int32Array.of(8, -4), context, 4)]).toEqual([1, -0.5]);
  });

  it('without survivors or of another length is refused', () => {
    expect(() => concludeTraining(part, Int32Array.of(1, 2), classes, 0)).toThrow(/0 survivors/);
    expect(() => concludeTraining(part, Int32Array.of(1), classes, 3)).toThrow(/2 coordinates, got 1/);
  });
});
