import { describe, expect, it } from 'vitest';
import { augmenter, type Augmentation } from './augmentation.ts';
import { initialWeights } from './initial-weights.ts';
import { referenceModel } from './reference-model.ts';

const seed = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);
const nothing: Augmentation = { noise: 0, places: [], mixup: 0, classTargets: false };
const rows = 20_000;

function augment(how: Partial<Augmentation>, inputs: Float32Array, targets: Float32Array, from = seed) {
  return augmenter({ ...nothing, ...how }, from)!({ inputs, targets });
}

function meanAndVariance(values: readonly number[]): readonly [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
}

describe('noise', () => {
  it('is normal, on the given inputs alone, and each row’s own', () => {
    const inputs = Float32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? 3 : 1));
    const { inputs: noisy } = augment({ noise: 0.5, places: [0] }, inputs, new Float32Array(rows));
    const [numbers, others] = [0, 1].map((place) => [...noisy].filter((_, i) => i % 2 === place)) as [
      number[],
      number[],
    ];
    expect(others.every((value) => value === 1)).toBe(true);
    const [mean, variance] = meanAndVariance(numbers);
    // Standard errors .0035 and .0025: five of each.
    expect(Math.abs(mean - 3)).toBeLessThan(0.018);
    expect(Math.abs(variance - 0.25)).toBeLessThan(0.0125);
    const beyond = numbers.filter((value) => Math.abs(value - 3) > 0.98).length / rows;
    expect(Math.abs(beyond - 0.05)).toBeLessThan(0.008);
    const [, apart] = meanAndVariance(numbers.slice(1).map((value, i) => value - numbers[i]!));
    expect(Math.abs(apart - 0.5)).toBeLessThan(0.03);
  });

  it('is another one with another seed, and leaves what it was given alone', () => {
    const inputs = Float32Array.of(1, 2);
    const how = { noise: 1, places: [0, 1] };
    const first = augment(how, inputs, Float32Array.of(0));
    expect(first).toEqual(augment(how, inputs, Float32Array.of(0)));
    expect(first).not.toEqual(augment(how, inputs, Float32Array.of(0), Uint8Array.of(1)));
    expect([...inputs]).toEqual([1, 2]);
  });
});

describe('mixup', () => {
  it.each([1, 0.4])('mixes with Beta(%d, same), inputs and targets alike', (alpha) => {
    // Two rows, 0 and 1: what a mix is shows its share; half of the mixes are with the row itself.
    const inputs = Float32Array.from({ length: rows }, (_, row) => row % 2);
    const { inputs: mixed, targets } = augment({ mixup: alpha }, inputs, inputs);
    expect([...targets]).toEqual([...mixed]);
    const shares = [...mixed].filter((value) => value !== 0 && value !== 1);
    expect(Math.abs(shares.length / rows - 0.5)).toBeLessThan(0.05);
    const [mean, variance] = meanAndVariance(shares);
    const expected = 1 / (4 * (2 * alpha + 1));
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    expect(Math.abs(variance / expected - 1)).toBeLessThan(0.05);
  });

  it('gives a row of classes one of both, the own with the chance of its share', () => {
    const inputs = Float32Array.from({ length: rows }, (_, row) => row % 2);
    const labels = inputs.map((value) => 3 * value);
    const { inputs: mixed, targets } = augment({ mixup: 1, classTargets: true }, inputs, labels);
    expect(targets.every((target) => target === 0 || target === 3)).toBe(true);
    const drawn = [...mixed.keys()].filter((row) => mixed[row]! > 0.2 && mixed[row]! < 0.3);
    const share = drawn.filter((row) => targets[row] === 3).length / drawn.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.06);
  });

  it('survives an α that is nearly 0', () => {
    const { inputs } = augment({ mixup: 1e-3 }, Float32Array.of(0, 1), Float32Array.of(0, 1));
    expect(inputs.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
});

it('changes what a model learns, and nothing where there is none', async () => {
  const topology = { layers: [{ kind: 'dense' as const, units: 1, activation: 'linear' as const }] };
  const model = referenceModel(topology, 2, 'binaryCrossEntropy');
  await model.setWeights(initialWeights(topology, 2, '00'.repeat(32)));
  const batch = {
    units: 4,
    rows: 4,
    rowOffsets: Uint32Array.of(0, 1, 2, 3, 4),
    features: 2,
    inputs: Float32Array.of(1, 0, 0, 1, -1, 0, 0, -1),
    targets: Float32Array.of(1, 0, 0, 1),
  };
  const settings = { epochs: 3, batchSize: 2, learningRate: 0.3, proximal: 0 };
  const plain = await model.train(batch, settings, seed);
  expect(await model.train(batch, { ...settings, augmentation: null }, seed)).toEqual(plain);
  expect(await model.train(batch, { ...settings, augmentation: nothing }, seed)).toEqual(plain);
  const noisy = await model.train(batch, { ...settings, augmentation: { ...nothing, noise: 1, places: [0, 1] } }, seed);
  expect(noisy).not.toEqual(plain);
});
