import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceModel, selectUnits, type LocalModel, type UnitBatch } from '../model/index.ts';
import { encodeUnit, gridFor, type PartSpec } from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { layoutLength } from '../vector/index.ts';
import { contributeSession } from './contribute-session.ts';
import { queryByName } from './query-by-name.ts';
import type { QueryContext } from './query.ts';
import { splitParts } from './split-parts.ts';
import { nothingMeasured } from './testing/nothing-measured.ts';

const everyUnit = 2 ** 32;

const context: QueryContext = {
  topology: {
    layers: [
      { kind: 'dense', units: 4, activation: 'tanh' },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  },
  inputs: 5,
  outputs: 3,
  target: 'classes',
  loss: 'categoricalCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: everyUnit, clipNormL2: 0.3, expectedBatch: 10 },
  evaluation: { detail: 'accuracy', lossMax: 4 },
  expectedUpdates: null,
  clipBit: null,
  ...nothingMeasured,
};
const clientContext: QueryContext = {
  ...context,
  unit: 'client',
  training: { kind: 'update', clipNormL2: 0.5, localEpochs: 2, batchSize: 4, learningRate: 0.2, proximal: 0 },
};

function partFor(of: QueryContext, query: PartSpec['query'], change: Partial<PartSpec> = {}): PartSpec {
  const asked = queryByName(query);
  const dimension = layoutLength(asked.layout(of));
  const clipNormL2 = asked.clipNormL2(of);
  return {
    slot: query === 'evaluation' ? 'evaluation' : 'training',
    query,
    dataPart: query === 'evaluation' ? 'validation' : 'train',
    dimension,
    clipNormL2,
    ...gridFor(clipNormL2, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: everyUnit,
    ...change,
  };
}

/** Units with 1 … 3 rows of random inputs. */
function randomBatch(seed: string, units: number): UnitBatch {
  const random = createSeededRandom(seed);
  const number = () => new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
  const rowsOf = Array.from({ length: units }, () => 1 + Math.floor(3 * number()));
  const rows = rowsOf.reduce((sum, count) => sum + count, 0);
  const rowOffsets = new Uint32Array(units + 1);
  rowsOf.forEach((count, unit) => (rowOffsets[unit + 1] = rowOffsets[unit]! + count));
  return {
    units,
    rowOffsets,
    rows,
    inputs: Float32Array.from({ length: rows * 5 }, () => 4 * number() - 2),
    features: 5,
    targets: Float32Array.from({ length: rows }, () => Math.floor(3 * number())),
  };
}

const weights = Float32Array.from({ length: 5 * 4 + 4 + 4 * 3 + 3 }, (_, index) => Math.sin(index + 1) / 2);
const emptyBatch = selectUnits(randomBatch('empty', 1), []);

async function contribute(
  parts: readonly PartSpec[],
  batch: UnitBatch,
  options: { of?: QueryContext; seed?: string; model?: LocalModel } = {},
): Promise<Int32Array> {
  return contributeSession({
    context: options.of ?? context,
    parts,
    unitsOf: () => batch,
    model: options.model ?? referenceModel(context.topology, context.inputs, context.loss),
    weights,
    random: createSeededRandom(options.seed ?? 'contribution'),
    allowInsecureRandom: true,
  });
}

describe('the sum of a part', () => {
  it("is the sum of its units' own contributions, exactly, however many pass at once", async () => {
    const batch = randomBatch('sum', 600);
    for (const query of ['gradient', 'evaluation'] as const) {
      const part = partFor(context, query);
      const expected = new Int32Array(part.dimension);
      for (let unit = 0; unit < batch.units; unit++) {
        const alone = await contribute([part], selectUnits(batch, [unit]));
        alone.forEach((value, index) => (expected[index]! += value));
      }
      expect(await contribute([part], batch)).toEqual(expected);
    }
  }, 30_000);

  it('changes by at most D in L2 when one unit is taken away, clamped or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        fc.constantFrom<PartSpec['query']>('gradient', 'evaluation'),
        fc.constantFrom(2 ** 30, 3_000, 500, 40),
        async (units, seed, query, sumLimitSteps) => {
          const batch = randomBatch(`unit ${seed}`, units);
          const part = partFor(context, query, { sumLimitSteps });
          const removed = seed % units;
          const others = Array.from({ length: units }, (_, unit) => unit).filter((unit) => unit !== removed);
          const all = await contribute([part], batch);
          const without = await contribute([part], selectUnits(batch, others));
          const squares = all.reduce((sum, value, index) => sum + (value - without[index]!) ** 2, 0);
          expect(squares).toBeLessThanOrEqual(part.normBoundSteps ** 2);
          for (const value of all) expect(Math.abs(value)).toBeLessThanOrEqual(sumLimitSteps);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('clips the sum over a unit’s rows, so that many rows give a unit no more', async () => {
    const row = randomBatch('row', 1);
    const one = selectUnits({ ...row, rowOffsets: Uint32Array.of(0, 1), rows: 1 }, [0]);
    const times = 500;
    const many: UnitBatch = {
      ...one,
      rowOffsets: Uint32Array.of(0, times),
      rows: times,
      inputs: Float32Array.from({ length: times * 5 }, (_, index) => one.inputs[index % 5]!),
      targets: new Float32Array(times).fill(one.targets[0]!),
    };
    const part = partFor(context, 'gradient');
    const sum = await contribute([part], many);
    const norm = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
    expect(norm).toBeLessThanOrEqual(part.normBoundSteps);
    expect(norm).toBeGreaterThan(part.normBoundSteps * 0.99);
  });

  it('counts a unit with a value that is no number as zero, and the others as ever', async () => {
    const batch = randomBatch('nan', 4);
    const broken = { ...batch, inputs: batch.inputs.slice() };
    broken.inputs[batch.rowOffsets[2]! * 5] = Number.NaN;
    for (const query of ['gradient', 'evaluation'] as const) {
      const part = partFor(context, query);
      expect(await contribute([part], broken)).toEqual(await contribute([part], selectUnits(batch, [0, 1, 3])));
    }
  });

  it('at unit client is one clipped vector', async () => {
    const batch = randomBatch('client', 40);
    for (const query of ['update', 'evaluation'] as const) {
      const part = partFor(clientContext, query);
      const sum = await contribute([part], batch, { of: clientContext });
      const squares = sum.reduce((total, value) => total + value * value, 0);
      expect(squares).toBeGreaterThan(0);
      expect(squares).toBeLessThanOrEqual(part.normBoundSteps ** 2);
    }
  });

  it('of an update is the clipped change of the weights', async () => {
    const batch = randomBatch('delta', 10);
    const part = partFor(clientContext, 'update', { clipNormL2: 1e3, ...gridFor(1e3, 39) });
    const sum = await contribute([part], batch, { of: clientContext });
    const model = referenceModel(context.topology, context.inputs, context.loss);
    await model.setWeights(weights);
    const settings = { epochs: 2, batchSize: 4, learningRate: 0.2, proximal: 0 };
    const trained = await model.train(batch, settings, createSeededRandom('contribution').bytes(32));
    const expected = new Int32Array(part.dimension);
    encodeUnit(
      Float64Array.from(trained, (weight, index) => weight - weights[index]!),
      part,
      expected,
      0,
    );
    expect(sum).toEqual(expected);
    expect(sum.some((value) => value !== 0)).toBe(true);
  });
});

describe('the session', () => {
  it('lays its parts one after the other, each from the units of its own data part', async () => {
    const training = partFor(context, 'gradient');
    const evaluation = partFor(context, 'evaluation');
    const batches = { train: randomBatch('train', 7), validation: randomBatch('validation', 5), test: emptyBatch };
    const integers = await contributeSession({
      context,
      parts: [training, evaluation],
      unitsOf: (part) => batches[part.dataPart],
      model: referenceModel(context.topology, context.inputs, context.loss),
      weights,
      random: createSeededRandom('two parts'),
      allowInsecureRandom: true,
    });
    const [first, second] = splitParts([training, evaluation], integers);
    expect(first!.integers).toEqual(await contribute([training], batches.train));
    expect(second!.integers).toEqual(await contribute([evaluation], batches.validation));
  });

  it('A20: without units is noise of the same length, in every part and at both units', async () => {
    for (const of of [context, clientContext]) {
      const parts = [partFor(of, of.training.kind), partFor(of, 'evaluation')];
      expect(await contribute(parts, emptyBatch, { of })).toEqual(new Int32Array(parts[0]!.dimension + 3));
      const noisy = parts.map((part) => ({ ...part, noiseVarianceSteps: 1e8 }));
      const integers = await contribute(noisy, emptyBatch, { of });
      for (const { integers: values } of splitParts(noisy, integers)) {
        expect(values.every((value) => value !== 0)).toBe(true);
      }
    }
  });

  it('A20: carries the whole noise in each coordinate, whether a unit touches it or none does', async () => {
    const part = partFor(context, 'gradient', { noiseVarianceSteps: 900 });
    // One unit alone has a value in the first column: what a rare feature is.
    const rare = randomBatch('rare', 4);
    for (let row = 1; row < rare.rows; row++) rare.inputs[row * 5] = 0;
    for (const batch of [rare, selectUnits(rare, [1, 2, 3])]) {
      const quiet = await contribute([{ ...part, noiseVarianceSteps: 0 }], batch);
      const squares = new Float64Array(part.dimension);
      const draws = 400;
      for (let draw = 0; draw < draws; draw++) {
        const noisy = await contribute([part], batch, { seed: `rare ${draw}` });
        noisy.forEach((value, index) => (squares[index]! += (value - quiet[index]!) ** 2));
      }
      // The mean square of 400 draws has a relative deviation of √(2/400) = 7 %; 5 of them, in each of 39 coordinates.
      for (const square of squares) expect(Math.abs(square / draws / 900 - 1)).toBeLessThan(0.355);
    }
  });

  it("adds fresh noise of the part's own variance once", async () => {
    const parts = [
      partFor(context, 'gradient', { noiseVarianceSteps: 900 }),
      partFor(context, 'evaluation', { noiseVarianceSteps: 1e8 }),
    ];
    const batch = randomBatch('noise', 3);
    const quiet = await contribute(
      parts.map((part) => ({ ...part, noiseVarianceSteps: 0 })),
      batch,
    );
    const squares = [0, 0];
    const draws = 300;
    for (let draw = 0; draw < draws; draw++) {
      const integers = await contribute(parts, batch, { seed: `noise ${draw}` });
      splitParts(
        parts,
        integers.map((value, index) => value - quiet[index]!),
      ).forEach(({ integers: noise }, index) => {
        squares[index]! += noise.reduce((sum, value) => sum + value * value, 0);
      });
    }
    parts.forEach((part, index) => {
      const values = draws * part.dimension;
      // The mean square of n normal values has a relative deviation of √(2/n); 5 of them.
      const tolerance = 5 * Math.sqrt(2 / values);
      expect(Math.abs(squares[index]! / values / part.noiseVarianceSteps - 1)).toBeLessThan(tolerance);
    });
  });

  it('tosses a coin for each unit of a gradient, and none for an evaluation', async () => {
    const batch = randomBatch('coin', 400);
    const gradient = partFor(context, 'gradient', { samplingNumerator: 2 ** 30 });
    const sampledUnits = async (part: PartSpec, seed: string): Promise<number> => {
      let units = 0;
      const reference = referenceModel(context.topology, context.inputs, context.loss);
      const model: LocalModel = {
        ...reference,
        traces: (chosen, dropoutSeed) => {
          units += chosen.units;
          return reference.traces(chosen, dropoutSeed);
        },
        predict: (inputs, rows) => {
          units += rows;
          return reference.predict(inputs, rows);
        },
      };
      await contribute([part], batch, { seed, model });
      return units;
    };
    const drawn = await Promise.all(Array.from({ length: 40 }, (_, index) => sampledUnits(gradient, `coin ${index}`)));
    const mean = drawn.reduce((sum, count) => sum + count, 0) / drawn.length;
    // Binomial(400, 1/4): deviation 8.7 for one, 1.4 for the mean of 40; 5 of them.
    expect(Math.abs(mean - 100)).toBeLessThan(7);
    expect(new Set(drawn).size).toBeGreaterThan(5);
    expect(await sampledUnits(partFor(context, 'evaluation', { samplingNumerator: 1 }), 'all')).toBe(batch.rows);
  });

  it('A18: refuses a source that is not the CSPRNG unless this is said to be a test', async () => {
    const input = {
      context,
      parts: [partFor(context, 'evaluation', { noiseVarianceSteps: 100 })],
      unitsOf: () => emptyBatch,
      model: referenceModel(context.topology, context.inputs, context.loss),
      weights,
      random: createSeededRandom('not secure'),
    };
    await expect(contributeSession(input)).rejects.toThrow(/not the platform CSPRNG/);
  });

  it('stops a model that hands over the traces of more rows than it was given', async () => {
    const batch = randomBatch('greedy', 3);
    const reference = referenceModel(context.topology, context.inputs, context.loss);
    const model: LocalModel = { ...reference, traces: (_, seed) => reference.traces(batch, seed) };
    await expect(contribute([partFor(context, 'gradient')], selectUnits(batch, [0]), { model })).rejects.toThrow(
      /trace/,
    );
  });
});
