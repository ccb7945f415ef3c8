import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialWeights, referenceModel, selectUnits, topologySchema, type UnitBatch } from '../model/index.ts';
import { gridFor, type PartSpec } from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { layoutLength } from '../vector/index.ts';
import { contributeSession } from './contribute-session.ts';
import { queryByName } from './query-by-name.ts';
import type { QueryContext } from './query.ts';
import { nothingMeasured } from './testing/nothing-measured.ts';

const vocabulary = 5;
const inputs = 16;
const dense = { kind: 'dense', units: 3, activation: 'linear' };
/** Networks of sixteen inputs; the first layer of each may keep its weights. */
const bodies: Readonly<Record<string, (frozen: object) => object[]>> = {
  picture: (frozen) => [
    { kind: 'reshape', shape: [4, 4, 1] },
    { kind: 'conv2d', filters: 3, kernelSize: 2, activation: 'relu', ...frozen },
    { kind: 'maxPool', size: 2 },
    { kind: 'layerNorm' },
    { kind: 'flatten' },
  ],
  series: (frozen) => [
    { kind: 'reshape', shape: [8, 2] },
    { kind: 'conv1d', filters: 3, kernelSize: 3, padding: 'same', activation: 'tanh', ...frozen },
    { kind: 'averagePool', size: 2 },
    { kind: 'gru', units: 3 },
  ],
  words: (frozen) => [
    { kind: 'embedding', vocabulary, units: 3, ...frozen },
    { kind: 'gru', units: 2 },
  ],
};

function contextOf(body: string, unit: 'record' | 'client', frozen = false): QueryContext {
  const layers = [...bodies[body]!(frozen ? { trainable: false } : {}), dense];
  return {
    topology: topologySchema.parse({ layers }),
    inputs,
    outputs: 3,
    target: 'classes',
    loss: 'categoricalCrossEntropy',
    unit,
    training:
      unit === 'record'
        ? { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.3, expectedBatch: 10 }
        : { kind: 'update', clipNormL2: 1e3, localEpochs: 2, batchSize: 4, learningRate: 0.2, proximal: 0.1 },
    evaluation: null,
    expectedUpdates: null,
    clipBit: null,
    ...nothingMeasured,
  };
}

function partOf(context: QueryContext): PartSpec {
  const query = queryByName(context.training.kind);
  const dimension = layoutLength(query.layout(context));
  const clipNormL2 = query.clipNormL2(context);
  return {
    slot: 'training',
    query: context.training.kind,
    dataPart: 'train',
    dimension,
    clipNormL2,
    ...gridFor(clipNormL2, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: 2 ** 32,
  };
}

/** Units with 0 … 3 rows: numbers around zero, or tokens. */
function randomBatch(body: string, seed: string, units: number): UnitBatch {
  const random = createSeededRandom(seed);
  const number = () => new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32;
  const rowsOf = Array.from({ length: units }, () => Math.floor(4 * number()));
  const rows = rowsOf.reduce((sum, count) => sum + count, 0);
  const rowOffsets = new Uint32Array(units + 1);
  rowsOf.forEach((count, unit) => (rowOffsets[unit + 1] = rowOffsets[unit]! + count));
  const value = () => (body === 'words' ? Math.floor(vocabulary * number()) : 4 * number() - 2);
  return {
    units,
    rowOffsets,
    rows,
    inputs: Float32Array.from({ length: rows * inputs }, value),
    features: inputs,
    targets: Float32Array.from({ length: rows }, () => Math.floor(3 * number())),
  };
}

async function contribute(context: QueryContext, batch: UnitBatch): Promise<Int32Array> {
  return contributeSession({
    context,
    parts: [partOf(context)],
    unitsOf: () => batch,
    model: referenceModel(context.topology, context.inputs, context.loss),
    weights: initialWeights(context.topology, context.inputs, 'ab'),
    random: createSeededRandom('layers'),
    allowInsecureRandom: true,
  });
}

const body = fc.constantFrom(...Object.keys(bodies));

describe('every kind of layer at the door', () => {
  it('moves a sum by at most D in L2 when one unit is taken away', async () => {
    await fc.assert(
      fc.asyncProperty(
        body,
        fc.boolean(),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(),
        async (of, frozen, units, seed) => {
          const context = contextOf(of, 'record', frozen);
          const batch = randomBatch(of, `unit ${seed}`, units);
          const removed = seed % units;
          const others = Array.from({ length: units }, (_, unit) => unit).filter((unit) => unit !== removed);
          const all = await contribute(context, batch);
          const without = await contribute(context, selectUnits(batch, others));
          const squares = all.reduce((sum, value, index) => sum + (value - without[index]!) ** 2, 0);
          expect(squares).toBeLessThanOrEqual(partOf(context).normBoundSteps ** 2);
          // What the unit itself adds, and nothing of the others.
          const alone = await contribute(context, selectUnits(batch, [removed]));
          expect(all.map((value, index) => value - without[index]!)).toEqual(alone);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(Object.keys(bodies))('sends nothing of a layer that keeps its weights: %s', async (of) => {
    for (const unit of ['record', 'client'] as const) {
      const [whole, frozen] = [contextOf(of, unit), contextOf(of, unit, true)];
      const [{ dimension }, { dimension: rest }] = [partOf(whole), partOf(frozen)];
      const [{ layers }] = [frozen.topology];
      expect(layers.some((layer) => 'trainable' in layer && layer.trainable === false)).toBe(true);
      expect(rest).toBeLessThan(dimension);
      const integers = await contribute(frozen, randomBatch(of, 'frozen', 6));
      expect(integers.length).toBe(rest);
      expect(integers.some((value) => value !== 0)).toBe(true);
    }
  });

  it('gives the gradient by the other layers that it would give without', async () => {
    for (const of of Object.keys(bodies)) {
      const batch = selectUnits(randomBatch(of, 'same', 9), [1, 2, 5, 7]);
      const gradients = await Promise.all(
        [false, true].map(async (frozen) => {
          const context = contextOf(of, 'record', frozen);
          const model = referenceModel(context.topology, inputs, context.loss);
          await model.setWeights(initialWeights(context.topology, inputs, 'ab'));
          const found: number[][] = [];
          const input = {
            context,
            batch,
            model,
            weights: new Float32Array(0),
            clipNormL2: null,
            seed: new Uint8Array(8),
          };
          await queryByName('gradient').contribute(input, (vector) => found.push([...vector]));
          return found;
        }),
      );
      const [whole = [], frozen = []] = gradients;
      expect(frozen.map((vector) => vector.length > 0)).toEqual([true, true, true, true]);
      frozen.forEach((vector, unit) => expect(vector).toEqual(whole[unit]!.slice(-vector.length)));
    }
  });
});
