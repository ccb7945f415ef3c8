import { describe, expect, it } from 'vitest';
import { joinUnits, selectUnits, type LocalModel, type UnitBatch } from '../model/index.ts';
import { gridFor, slotNames, type PartSpec, type SlotName } from '../privacy/index.ts';
import { createSeededRandom, uniformBelow } from '../random/index.ts';
import { layoutLength } from '../vector/index.ts';
import { concludeEvaluation } from './conclude-evaluation.ts';
import { contributeSession } from './contribute-session.ts';
import { dataPartsRead, passesOver } from './data-parts.ts';
import { evaluation } from './evaluation.ts';
import type { QueryContext } from './query.ts';
import { nothingMeasured } from './testing/nothing-measured.ts';

const trains: QueryContext = {
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  inputs: 1,
  outputs: 1,
  target: 'binary',
  loss: 'binaryCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
  evaluation: { detail: 'accuracy', lossMax: 2 },
  expectedUpdates: null,
  clipBit: null,
  ...nothingMeasured,
  heldOut: { self: false, readTraining: ['evaluation'] },
};
const apart: QueryContext = { ...trains, heldOut: { self: true, readTraining: ['evaluation'] } };

/** A model whose outputs are its inputs. */
const identity: LocalModel = {
  setWeights: async () => {},
  predict: async (inputs) => inputs,
  traces: async () => [],
  train: async () => new Float32Array(),
  dispose: async () => {},
};

/** Units of one row to a few with scores in [0, 1) and labels. */
function unitsOf(seed: string, units: number, rowsMax = 3): UnitBatch {
  const random = createSeededRandom(seed);
  const rowOffsets = new Uint32Array(units + 1);
  for (let unit = 0; unit < units; unit++) rowOffsets[unit + 1] = rowOffsets[unit]! + 1 + uniformBelow(random, rowsMax);
  const rows = rowOffsets[units]!;
  return {
    units,
    rowOffsets,
    rows,
    features: 1,
    inputs: Float32Array.from({ length: rows }, () => uniformBelow(random, 1_000) / 1_000),
    targets: Float32Array.from({ length: rows }, () => uniformBelow(random, 2)),
  };
}

function partOf(slot: SlotName, dataPart: PartSpec['dataPart']): PartSpec {
  const dimension = layoutLength(evaluation.layout(trains));
  return {
    slot,
    query: 'evaluation',
    dataPart,
    dimension,
    clipNormL2: Math.SQRT2,
    ...gridFor(Math.SQRT2, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: 2 ** 32,
  };
}

function contribute(context: QueryContext, part: PartSpec, of: (part: PartSpec) => UnitBatch): Promise<Int32Array> {
  return contributeSession({
    context,
    parts: [part],
    unitsOf: of,
    model: identity,
    weights: new Float32Array(),
    random: createSeededRandom('held out'),
    allowInsecureRandom: true,
  });
}

describe('a client that is held out', () => {
  it('gives zeros to everything that reads what trains, and is not even asked for its units', async () => {
    for (const slot of slotNames) {
      expect(passesOver(slot)).toBe(!['evaluation', 'report'].includes(slot));
      expect(dataPartsRead(trains.heldOut, { slot, dataPart: 'train' })).toEqual(['train']);
    }
    const sum = await contribute(apart, partOf('fit', 'train'), () => {
      throw new Error('its units were asked for');
    });
    expect(sum.every((steps) => steps === 0)).toBe(true);
  });

  it.each(['record', 'client'] as const)(
    'is evaluated on its training part too, in figures of its own that are those of its units pooled (unit %s)',
    async (unit) => {
      const part = partOf('evaluation', 'validation');
      // Whole counts are exact; of a mean over units the rounding to the grid is left.
      const [rows, digits] = unit === 'record' ? [1, 12] : [3, 2];
      const own = {
        train: unitsOf('train', 30, rows),
        validation: unitsOf('validation', 11, rows),
        test: unitsOf('test', 5, rows),
      };
      const others = [unitsOf('a', 17, rows), unitsOf('b', 23, rows)];
      const [first, second] = others as [UnitBatch, UnitBatch];
      const sums = await Promise.all([
        contribute({ ...apart, unit }, part, ({ dataPart }) => own[dataPart]),
        contribute({ ...trains, unit }, part, () => first),
        contribute({ ...trains, unit }, part, () => second),
      ]);
      // Each client hits one half of the vector.
      const half = part.dimension / 2;
      expect(sums[0].subarray(0, half).every((steps) => steps === 0)).toBe(true);
      expect(sums[1].subarray(half).every((steps) => steps === 0)).toBe(true);
      const total = sums[0].map((steps, index) => steps + sums[1][index]! + sums[2][index]!);
      const { unseen, ...seen } = concludeEvaluation(part, total, { ...trains, unit }, 0);

      const pooled = (batch: UnitBatch) => {
        const right = Array.from(batch.targets, (target, row) => Number(batch.inputs[row]! > 0.5 === (target === 1)));
        const perUnit = Array.from({ length: batch.units }, (_, index) => {
          const own = right.slice(batch.rowOffsets[index], batch.rowOffsets[index + 1]);
          return own.reduce((sum, one) => sum + one, 0) / own.length;
        });
        return perUnit.reduce((sum, share) => sum + share, 0) / batch.units;
      };
      const all = joinUnits([own.validation, own.train]);
      const together = await ('readAll' in all ? all.readAll() : all);
      expect(together.units).toBe(41);
      const counts = others.map(pooled);
      const weights = unit === 'record' ? [17 / 40, 23 / 40] : [0.5, 0.5];
      const expectedSeen = counts[0]! * weights[0]! + counts[1]! * weights[1]!;
      expect(unseen!.units).toBeCloseTo(unit === 'record' ? 41 : 1, digits);
      expect(unseen!.accuracy!.value).toBeCloseTo(pooled(together), digits);
      expect(seen.units).toBeCloseTo(unit === 'record' ? 40 : 2, digits);
      expect(seen.accuracy!.value).toBeCloseTo(expectedSeen, digits);
    },
  );

  it('has no figures of its own in what the training units say', async () => {
    const part = partOf('fit', 'train');
    const sum = await contribute(trains, part, () => unitsOf('train', 30));
    expect(concludeEvaluation(part, sum, trains, 0)).toMatchObject({ unseen: null, withheld: null });
  });
});

describe('joined units', () => {
  const sets = [unitsOf('x', 4), unitsOf('y', 0), unitsOf('z', 3)];

  it('are read in the order that is asked for, from memory or on need', async () => {
    const onNeed = {
      units: 4,
      read: (chosen: readonly number[]) => selectUnits(sets[0]!, chosen),
      readAll: () => sets[0]!,
    };
    for (const first of [sets[0]!, onNeed]) {
      const joined = joinUnits([first, sets[1]!, sets[2]!]);
      if (!('read' in joined)) throw new Error('several sets are read on need');
      expect(joined.units).toBe(7);
      const all = await joined.readAll();
      expect(all.units).toBe(7);
      expect(await joined.read([0, 1, 2, 3, 4, 5, 6])).toEqual(all);
      expect(await joined.read([5, 0, 6])).toEqual(selectUnits(all, [5, 0, 6]));
      expect(await joined.read([])).toEqual(selectUnits(all, []));
      await expect(joined.read([7])).rejects.toThrow(/there are 7, number 7/);
    }
  });

  it('of one set are that set', () => {
    expect(joinUnits([sets[0]!])).toBe(sets[0]);
  });
});
