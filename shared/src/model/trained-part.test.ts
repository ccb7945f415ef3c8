import { expect, it } from 'vitest';
import { modelLayout, trainedLayout } from './layout.ts';
import { topologySchema } from './topology.ts';
import { overAllWeights, trainedRanges } from './trained-part.ts';

const topology = (first: boolean, second: boolean) =>
  topologySchema.parse({
    layers: [
      { kind: 'dense', units: 2, activation: 'relu', trainable: first },
      { kind: 'layerNorm', trainable: second },
      { kind: 'dense', units: 1, activation: 'linear' },
    ],
  });

it('a layer that keeps its weights stands in the model and not in what is trained', () => {
  const frozen = topology(false, true);
  expect(modelLayout(frozen, 1).map(({ name }) => name)).toEqual([
    'dense0/kernel',
    'dense0/bias',
    'layerNorm0/gamma',
    'layerNorm0/beta',
    'dense1/kernel',
    'dense1/bias',
  ]);
  expect(trainedLayout(frozen, 1).map(({ name }) => name)).toEqual([
    'layerNorm0/gamma',
    'layerNorm0/beta',
    'dense1/kernel',
    'dense1/bias',
  ]);
  expect(trainedRanges(frozen, 1)).toEqual([{ offset: 4, trainedOffset: 0, length: 7 }]);
  expect(trainedRanges(topology(true, false), 1)).toEqual([
    { offset: 0, trainedOffset: 0, length: 4 },
    { offset: 8, trainedOffset: 4, length: 3 },
  ]);
});

it('a vector goes to the trained coordinates alone, and the figures behind it stay behind it', () => {
  const vector = Float64Array.from([1, 2, 3, 4, 5, 6, 7, 0.25]);
  expect([...overAllWeights(topology(true, false), 1, vector)]).toEqual([1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 0.25]);
  const whole = new Float64Array(12);
  expect(overAllWeights(topology(true, true), 1, whole)).toBe(whole);
});
