import { describe, expect, it } from 'vitest';
import { referenceModel, selectUnits, type InputColumn, type LocalModel, type UnitBatch } from '../model/index.ts';
import { gridFor, type PartSpec } from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { adversarialBatch, perturbation } from './adversarial-rows.ts';
import { contributeSession } from './contribute-session.ts';
import type { QueryContext } from './query.ts';
import { nothingMeasured } from './testing/nothing-measured.ts';
import type { AdversarialTraining } from './training-query-schema.ts';

const column = (name: string, from: number, to: number, kind: InputColumn['kind']): InputColumn => ({
  name,
  from,
  to,
  kind,
  values: kind === 'category' ? ['x', 'y'] : null,
  low: -1,
  high: 1,
  missing: 0,
  fill: null,
  scaling: null,
  image: null,
});
const adversarial: AdversarialTraining = { norm: 'linf', epsilon: 0.2, steps: 3, clean: false };
const context: QueryContext = {
  topology: {
    layers: [
      { kind: 'dense', units: 5, activation: 'tanh' },
      { kind: 'dense', units: 1, activation: 'linear' },
    ],
  },
  inputs: 4,
  outputs: 1,
  target: 'binary',
  loss: 'binaryCrossEntropy',
  unit: 'record',
  training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.4, expectedBatch: 10, adversarial },
  evaluation: null,
  expectedUpdates: null,
  clipBit: null,
  ...nothingMeasured,
  columns: [column('a', 0, 1, 'number'), column('b', 1, 2, 'number'), column('c', 2, 4, 'category')],
};
const weights = Float32Array.from({ length: 4 * 5 + 5 + 5 + 1 }, (_, index) => Math.sin(3 * index));
/** Four units of one to three rows. */
const batch = {
  units: 4,
  rowOffsets: Uint32Array.of(0, 1, 4, 6, 7),
  rows: 7,
  features: 4,
  inputs: Float32Array.from({ length: 28 }, (_, index) => (index % 4 < 2 ? Math.sin(index) : Number(index % 4 === 2))),
  targets: Float32Array.of(0, 1, 1, 0, 1, 0, 0),
};
const part: PartSpec = {
  slot: 'training',
  query: 'gradient',
  dataPart: 'train',
  dimension: weights.length,
  clipNormL2: 0.4,
  ...gridFor(0.4, weights.length),
  noiseVarianceSteps: 0,
  sumLimitSteps: 2 ** 30,
  samplingNumerator: 2 ** 32,
};
const reference = () => referenceModel(context.topology, 4, context.loss);
const gradientOf = (of: QueryContext, units: UnitBatch = batch, model: LocalModel = reference()) =>
  contributeSession({
    context: of,
    parts: [part],
    unitsOf: () => units,
    model,
    weights,
    random: createSeededRandom('adversarial'),
    allowInsecureRandom: true,
  });
const without: QueryContext = { ...context, training: { ...context.training, adversarial: undefined } };
const withClean: QueryContext = {
  ...context,
  training: { ...context.training, adversarial: { ...adversarial, clean: true } },
};

describe('a gradient of moved rows', () => {
  it('is the plain gradient of what the attack makes of them, within the bound and the ranges', async () => {
    const moved = await adversarialBatch(context, adversarial, batch, weights);
    const model = reference();
    await model.setWeights(weights);
    expect([...model.losses(moved)].every((loss, row) => loss > model.losses(batch)[row]!)).toBe(true);
    moved.inputs.forEach((value, index) => {
      const away = Math.abs(value - batch.inputs[index]!);
      if (index % 4 >= 2) expect(away).toBe(0);
      expect(away).toBeLessThanOrEqual(0.2 + 1e-7);
      expect(Math.abs(value)).toBeLessThanOrEqual(1);
    });
    expect(await gradientOf(context)).toEqual(await gradientOf(without, moved));
    expect(await gradientOf(context)).not.toEqual(await gradientOf(without));
  });

  it('with clean rows too is that of units of twice as many rows', async () => {
    const both = await adversarialBatch(context, { ...adversarial, clean: true }, batch, weights);
    expect([...both.rowOffsets]).toEqual([0, 2, 8, 12, 14]);
    expect([...both.targets]).toEqual([0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 0]);
    const moved = await adversarialBatch(context, adversarial, batch, weights);
    const unit = (inputs: Float32Array, first: number, end: number) => [...inputs.subarray(4 * first, 4 * end)];
    expect(unit(both.inputs, 2, 8)).toEqual([...unit(batch.inputs, 1, 4), ...unit(moved.inputs, 1, 4)]);
    expect(await gradientOf(withClean)).toEqual(await gradientOf(without, both));
  });

  it('changes by at most D when one unit is taken away: each unit’s own, exactly', async () => {
    for (const of of [context, withClean]) {
      const all = await gradientOf(of);
      const sum = new Int32Array(all.length);
      for (let unit = 0; unit < batch.units; unit++) {
        const alone = await gradientOf(of, selectUnits(batch, [unit]));
        alone.forEach((value, index) => (sum[index]! += value));
        expect(Math.sqrt(alone.reduce((total, value) => total + value * value, 0))).toBeLessThanOrEqual(
          part.normBoundSteps,
        );
      }
      expect(all).toEqual(sum);
    }
  });
});

describe('local epochs on moved rows', () => {
  const settings = { epochs: 1, batchSize: 7, learningRate: 0.5, proximal: 0 };
  const perturb = perturbation(context, adversarial);

  it('take a step on each batch moved against the weights as they are, after one on the batch as it is', async () => {
    const [first, second] = [reference(), reference()];
    await first.setWeights(weights);
    const plain = await first.train(batch, settings, new Uint8Array(32));
    await second.setWeights(plain);
    // By steps of the sign alone, so that weights rounded to float32 between the two move rows alike.
    const moved = perturb(second, batch.inputs, batch.targets);
    const expected = await second.train({ ...batch, inputs: moved }, settings, new Uint8Array(32));
    const both = await first.train(batch, { ...settings, adversarial: { clean: true, perturb } }, new Uint8Array(32));
    both.forEach((value, index) => expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-6));
    const alone = await first.train(batch, { ...settings, adversarial: { clean: false, perturb } }, new Uint8Array(32));
    const start = perturb(first, batch.inputs, batch.targets);
    const only = await first.train({ ...batch, inputs: start }, settings, new Uint8Array(32));
    alone.forEach((value, index) => expect(Math.abs(value - only[index]!)).toBeLessThan(1e-6));
  });
});
