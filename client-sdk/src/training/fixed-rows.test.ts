import { initialWeights, referenceModel, topologySchema, type LocalModel, type UnitBatch } from '@sotto/shared/model';
import { expect, it } from 'vitest';
import { inFixedRows } from './fixed-rows.ts';

const inputs = 5;
const dense = [
  { kind: 'dense', units: 4, activation: 'relu' },
  { kind: 'dense', units: 3, activation: 'linear' },
];
const plain = topologySchema.parse({ layers: dense });
const seed = new Uint8Array(32).fill(3);

function rows(count: number): UnitBatch {
  return {
    units: count,
    rowOffsets: Uint32Array.from({ length: count + 1 }, (_, row) => row),
    rows: count,
    inputs: Float32Array.from({ length: count * inputs }, (_, index) => Math.sin(index)),
    features: inputs,
    targets: Float32Array.from({ length: count }, (_, row) => row % 3),
  };
}

it.each([0, 1, 7, 8, 9, 30])(
  '%i rows, eight at a time: as the model alone, and never another number',
  async (count) => {
    const alone = referenceModel(plain, inputs, 'categoricalCrossEntropy');
    await alone.setWeights(initialWeights(plain, inputs, '0d'.repeat(32)));
    const seen = new Set<number>();
    const watched: LocalModel = {
      ...alone,
      traces: (batch, dropoutSeed) => {
        seen.add(batch.rows);
        return alone.traces(batch, dropoutSeed);
      },
      predict: (features, many) => {
        seen.add(many);
        return alone.predict(features, many);
      },
    };
    const fixed = inFixedRows(watched, 8);
    const batch = rows(count);
    expect(await fixed.traces(batch, seed)).toEqual(await alone.traces(batch, seed));
    expect(await fixed.predict(batch.inputs, count)).toEqual(await alone.predict(batch.inputs, count));
    expect([...seen]).toEqual([8]);
  },
);

// Failure: the masks of two blocks are the same, and rows of one place share them.
it('blocks draw dropout masks of their own', async () => {
  const topology = topologySchema.parse({ layers: [dense[0], { kind: 'dropout', rate: 0.5 }, dense[1]] });
  const model = referenceModel(topology, inputs, 'categoricalCrossEntropy');
  await model.setWeights(initialWeights(topology, inputs, '0e'.repeat(32)));
  const same: UnitBatch = { ...rows(64), inputs: new Float32Array(64 * inputs).fill(1) };
  const [, second] = await inFixedRows(model, 16).traces(same, seed);
  const block = (which: number): string => second!.activations.subarray(which * 64, (which + 1) * 64).join();
  expect(new Set([0, 1, 2, 3].map(block)).size).toBe(4);
});
