import { describe, expect, it } from 'vitest';
import { initialWeights, referenceModel, type Topology } from '../model/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { fastGradient, pgdStepSize, projectedGradient, type AttackNorm } from './attacks.ts';

const topology: Topology = {
  layers: [
    { kind: 'dense', units: 7, activation: 'relu' },
    { kind: 'dense', units: 3, activation: 'linear' },
  ],
};
const loss = 'categoricalCrossEntropy';
const width = 6;
const rows = 40;

async function example() {
  const model = referenceModel(topology, width, loss);
  await model.setWeights(initialWeights(topology, width, 'ab'.repeat(32)));
  const random = createSeededRandom('attacks');
  const words = new Uint32Array(rows * width);
  random.words(words);
  const inputs = Float64Array.from(words, (word) => word / 2 ** 31 - 1);
  return { model, inputs, targets: Array.from({ length: rows }, (_, row) => row % 3) };
}

const attacks = (norm: AttackNorm, places?: readonly number[]) => {
  const limits = { norm, epsilon: 0.3, range: { low: -1, high: 1 }, ...(places === undefined ? {} : { places }) };
  return [
    (...[model, inputs, targets]: Given) => fastGradient(model, loss, inputs, targets, limits),
    (...[model, inputs, targets]: Given) =>
      projectedGradient(model, loss, inputs, targets, { ...limits, steps: 4, stepSize: pgdStepSize(0.3, 4) }),
    (...[model, inputs, targets]: Given) =>
      projectedGradient(model, loss, inputs, targets, { ...limits, steps: 4, stepSize: 0.1, seed: 'start' }),
  ] as const;
};
type Given = [model: ReturnType<typeof referenceModel>, inputs: Float64Array, targets: readonly number[]];

describe('attacks on some inputs alone', () => {
  it.each(['linf', 'l2'] as const)('%s: leave the others to the bit, and count what they move', async (norm) => {
    const { model, inputs, targets } = await example();
    for (const attack of attacks(norm, [1, 4])) {
      const changed = attack(model, inputs, targets);
      for (let row = 0; row < rows; row++) {
        const away = Array.from({ length: width }, (_, i) => changed[row * width + i]! - inputs[row * width + i]!);
        expect(
          [0, 2, 3, 5].map((place) => Object.is(changed[row * width + place], inputs[row * width + place])),
        ).toEqual(Array.from({ length: 4 }, () => true));
        const size = norm === 'linf' ? Math.max(...away.map(Math.abs)) : Math.hypot(...away);
        expect(size).toBeLessThanOrEqual(0.3 + 1e-12);
      }
    }
    const [fast] = attacks(norm, [1, 4]);
    expect(fast(model, inputs, targets)).not.toEqual(inputs);
    expect(() => attacks('l2', [6])[0](model, inputs, targets)).toThrow('expected inputs below 6, got 6');
  });

  it.each(['linf', 'l2'] as const)(
    '%s: move a row the same way, to the bit, whatever rows are beside it',
    async (norm) => {
      const { model, inputs, targets } = await example();
      for (const attack of attacks(norm).slice(0, 2)) {
        const together = attack(model, inputs, targets);
        for (let row = 0; row < rows; row++) {
          const alone = attack(model, inputs.slice(row * width, (row + 1) * width), [targets[row]!]);
          expect(alone).toEqual(together.subarray(row * width, (row + 1) * width));
        }
      }
    },
  );
});
